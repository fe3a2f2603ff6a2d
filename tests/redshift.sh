#!/bin/sh
# The tests of tables on what stands in for Redshift, and on nothing else: a PostgreSQL that refuses what Redshift lacks;
# those that tell most by way of a stage as well.
# usage: tests/redshift.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
REDSHIFT=1 "$python" -m pytest \
    -k 'redshift and (not by_stage or test_model or test_table_modes or test_table_kill or test_history)' \
    tests/load/sql tests/load/exports tests/load/test_model.py tests/load/test_outcomes.py "$@"
