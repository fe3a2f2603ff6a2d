#!/bin/sh
# The tests of tables on what stands in for Databricks, ended afterwards; those that tell most by way of a stage as well.
# usage: tests/databricks.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
log=$(mktemp)
port=$("$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python" -m tests.stand_ins.databricks "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
for _ in $(seq 300); do
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.2
done

DATABRICKS_STAND_IN_PORT="$port" "$python" -m pytest \
    -k 'databricks and (not by_stage or test_model or test_table_modes or test_table_kill or test_history)' \
    tests/load/sql tests/load/exports tests/load/test_model.py tests/operators/test_databricks.py "$@"
