#!/bin/sh
# The tests of tables on what stands in for a warehouse: a server, ended afterwards.
# usage: tests/stand_in.sh bigquery|databricks|snowflake PYTHON [PYTEST_ARGUMENT...]
set -eu

warehouse=$1 python=$2
shift 2
log=$(mktemp)
port=$("$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python" -m "tests.stand_ins.$warehouse" "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
for _ in $(seq 300); do
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.2
done

which=$warehouse
case $warehouse in
bigquery)
    export BIGQUERY_EMULATOR_HOST="http://127.0.0.1:$port"
    # Tests fork; what gRPC, loaded with Google's libraries, does before a fork may wait for ever. Nothing here uses it.
    export GRPC_ENABLE_FORK_SUPPORT=0
    ;;
databricks)
    export DATABRICKS_STAND_IN_PORT="$port"
    # Those that tell most go by way of a stage as well.
    which="databricks and (not by_stage or test_model or test_table_modes or test_table_kill or test_history)"
    ;;
snowflake) export SNOWFLAKE_SERVER_URL="snowflake://user:secret@127.0.0.1:$port/?account=stand_in" ;;
esac

"$python" -m pytest -k "$which" \
    tests/load/sql tests/load/exports tests/load/test_model.py "tests/operators/test_$warehouse.py" "$@"
