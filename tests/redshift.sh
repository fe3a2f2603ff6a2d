#!/bin/sh
# The tests of tables on what stands in for Redshift, and on nothing else: a PostgreSQL that refuses what Redshift lacks.
# usage: tests/redshift.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
REDSHIFT=1 "$python" -m pytest -k redshift tests/load/sql tests/load/test_model.py "$@"
