#!/bin/sh
# The tests of the page in Chromium; Debian's package of it is installed if there is none.
# usage: tests/page.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
if ! command -v chromium >/dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends chromium
fi
chromium --version
# The first test waits for 60 days of a shop.
PAGE_CHROMIUM=$(command -v chromium) "$python" -m pytest --timeout=1800 tests/page "$@"
