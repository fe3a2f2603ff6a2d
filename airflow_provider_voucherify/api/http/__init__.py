"""How a call travels: built, signed, sent, waited for, read; `transport` alone has an HTTP library."""
