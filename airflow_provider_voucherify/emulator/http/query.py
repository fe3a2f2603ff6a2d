"""The query string of a request, read the way Voucherify documents it."""

from __future__ import annotations

from urllib.parse import parse_qsl

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.times import parse_instant


class Query:
    """Query parameters by name; unknown ones are ignored."""

    def __init__(self, text: str) -> None:
        """Decode the parameters once.

        :param text: what follows the question mark, undecoded. A bare ``+`` means a space.
        """
        self.pairs = parse_qsl(text, keep_blank_values=True)
        self._last = dict(self.pairs)

    def text(self, name: str) -> str | None:
        """Read a text.

        :returns: the last value given, or None.
        """
        return self._last.get(name)

    def texts(self, name: str) -> list[str]:
        """Read a list, written as repeated names, with brackets, or with commas."""
        given = [value for key, value in self.pairs if key.partition("[")[0] == name]
        return [part for value in given for part in value.split(",")]

    def integer(self, name: str, default: int, maximum: int) -> int:
        """Read a whole number from 1 on.

        :param default: the number when the parameter is not given.
        :raises ApiProblem: 400 when it is no whole number, or out of range.
        """
        text = self.text(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError as error:
            raise problems.invalid_query(f"Property .{name} should be integer") from error
        if number > maximum and name == "page":
            raise problems.page_over_limit(maximum)
        if not 1 <= number <= maximum:
            bound = ">= 1" if number < 1 else f"<= {maximum}"
            raise problems.invalid_query(f"Property .{name} should be {bound}")
        return number

    def instant(self, name: str) -> int | None:
        """Read a date or time.

        :returns: microseconds since 1970 (UTC), or None.
        :raises ApiProblem: 400 when it is not ISO 8601.
        """
        text = self.text(name)
        return None if text is None else read_instant(name, text)

    def order(self, fields: frozenset[str]) -> tuple[str, bool] | None:
        """Read ``order``.

        :returns: the field and whether the order is descending, or None.
        :raises ApiProblem: 400 when the field is not one of these.
        """
        text = self.text("order")
        if text is None:
            return None
        field = text.removeprefix("-")
        if field not in fields:
            allowed = ", ".join(f"{one}, -{one}" for one in sorted(fields))
            raise problems.invalid_query(f"Property .order should be equal to one of [{allowed}]")
        return field, text != field


def read_instant(name: str, text: str) -> int:
    """Read the value of a parameter as a date or time.

    :returns: microseconds since 1970, UTC.
    :raises ApiProblem: 400 when it is not ISO 8601.
    """
    try:
        return parse_instant(text)
    except ValueError as error:
        details = f"Property .{name} cannot be recognized as a ISO-8601 compliant date"
        raise problems.invalid_query(details) from error
