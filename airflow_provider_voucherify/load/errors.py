"""What can go wrong where rows land; no text here ever carries a row or a customer id."""

from __future__ import annotations

from collections.abc import Iterable


class LoadError(Exception):
    """The rows could not be landed; the text says what was wrong, with which value, and what to do."""


class InvalidDestination(LoadError, ValueError):
    """The destination as written in the Dag cannot be used; no call was made."""


class TableUnfit(LoadError):
    """The table or schema that exists cannot take the rows; found before any call was made.

    :param message: what is wrong, and what to do.
    :param statements: SQL that mends it, shown on lines of its own, so that it can be copied.
    """

    def __init__(self, message: str, statements: Iterable[str] = ()) -> None:
        super().__init__("\n".join((message, *(f"{statement};" for statement in statements))))


class ValueUnfit(LoadError):
    """A value is none that its column can have; nothing was changed."""


class LedgerLost(LoadError):
    """Another try of the run took over, replaced or removed the ledger this one was writing to."""


class StatementFailed(LoadError):
    """The database refused a statement or could not be reached; the transaction was rolled back.

    :param message: what was being done and what the database said, as far as that cannot quote a row.
    :param sqlstate: the five-character SQLSTATE, or ``None`` if the driver told none.
    :param is_full: whether it is that there was no room left.
    :param is_passing: whether it says nothing of what was asked: a lock, a limit of time, a server that went away.
    """

    def __init__(
        self, message: str, *, sqlstate: str | None = None, is_full: bool = False, is_passing: bool = False
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.is_full = is_full
        self.is_passing = is_passing


class StorageFailed(LoadError):
    """A file could not be written, read, listed or removed."""


class XComTooLarge(LoadError):
    """The rows are more than XCom should carry."""


class RunOutOfOrder(LoadError):
    """The history holds a newer run of the same segments; what an older one says came later would be untrue."""


class ChangesUnknown(LoadError):
    """The history does not hold what was asked of it: no such segment, or no run of these dates."""


class NobodyKnown(LoadError):
    """Voucherify knows none of the run's customers, and the run would take away what readers see; it is as it was."""

    def __init__(self, place: str, rows: int) -> None:
        super().__init__(
            f"Voucherify knows none of the run's customers, and the run would take {rows:,} memberships out of "
            f"{place}, which was left as it was. Check the connection's keys and host, and the ids; if the customers "
            "were deleted in Voucherify, ask about one more that is there, or delete their rows yourself"
        )


class TooFewMemberships(LoadError):
    """The run would leave far fewer memberships than there are, more than the table's circuit breaker lets pass.

    Nothing was changed and the ledger is kept, so trying again with another tolerance asks for nothing again.

    :param previous: rows in the table that the run would remove.
    :param new: rows it would put in their place.
    """

    def __init__(self, message: str, *, previous: int, new: int) -> None:
        super().__init__(message)
        self.previous = previous
        self.new = new
