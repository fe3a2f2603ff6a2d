"""The clocks of a running task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

#: Returns the time, in UTC.
utc_now: Callable[[], datetime] = partial(datetime.now, UTC)
