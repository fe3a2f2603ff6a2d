"""How a call travels: built, signed, sent, waited for, read; `client` alone has an HTTP library."""
