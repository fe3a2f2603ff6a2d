"""A report as one HTML file, which needs no other file and asks no server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from html import escape

from airflow_provider_voucherify.report.task_runs import TaskRun, lines_of
from airflow_provider_voucherify.ui.files import PAGE

TITLE = "Voucherify segments"

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '{hash}'">
<title>{title}</title>
<style>body {{ margin: 0 }}</style>
</head>
<body>
<noscript>This report draws its pictures with JavaScript, which is switched off here.</noscript>
<script type="application/json" id="voucherify-report">
{lines}
</script>
<script>{script}</script>
</body>
</html>
"""


def report_html(runs: Sequence[TaskRun], made_at: datetime, url: str | None = None) -> str:
    """Return a report with the page that Airflow's UI has, and its numbers inside.

    :param made_at: UTC.
    :param url: of the Airflow whose runs they are, so that pictures lead to them; ``None`` for no links.
    """
    script = PAGE.read_text(encoding="utf-8")
    # Of all scripts only this one may run, and it may ask nobody.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    lines = "\n".join(lines_of(TITLE, made_at, url, runs))
    return _DOCUMENT.format(title=escape(TITLE), hash=f"sha256-{digest}", lines=lines, script=script)
