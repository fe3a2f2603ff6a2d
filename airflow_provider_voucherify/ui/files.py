"""The files a browser gets: built by ``make page``, and nothing else."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PAGE = FOLDER / "page.js"


@cache
def version_of_page() -> str:
    """Return what changes with the page, so that no browser goes on with an earlier one."""
    return hashlib.sha256(PAGE.read_bytes()).hexdigest()[:12]
