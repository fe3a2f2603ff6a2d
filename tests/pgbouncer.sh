#!/bin/sh
# Runs into PostgreSQL, one after the other, through a PgBouncer that gives each transaction another session of the server.
# Debian's package is installed if it is missing.
# usage: tests/pgbouncer.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
PATH=$PATH:/usr/sbin
if ! command -v pgbouncer >/dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends pgbouncer
fi

pgbouncer --version
PGBOUNCER=$(command -v pgbouncer) "$python" -m pytest tests/operators/test_pgbouncer.py "$@"
