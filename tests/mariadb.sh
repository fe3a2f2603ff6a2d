#!/bin/sh
# The tests of load/ that ask for a database, on a MariaDB server of their own that is removed afterwards.
# Debian's packages of the server without its service are installed if it is missing.
# usage: tests/mariadb.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
if ! command -v mariadbd >/dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core
fi

folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
# Latin and careless of case, as many a server is: what we need is in the columns.
user=$(id -un)
mariadb-install-db --no-defaults --user="$user" --datadir="$folder/data" --skip-test-db \
    --auth-root-authentication-method=normal >"$folder/install.log"
mariadbd --no-defaults --user="$user" --datadir="$folder/data" --socket="$folder/socket" --skip-networking \
    --character-set-server=latin1 --innodb-flush-log-at-trx-commit=0 >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 150); do
    mariadb --no-defaults --socket="$folder/socket" --user=root --execute="select 1" >/dev/null 2>&1 && break
    sleep 0.2
done

mariadbd --version
MYSQL_SERVER_URL="mysql+pymysql://root@localhost/mysql?unix_socket=$folder/socket" \
    "$python" -m pytest tests/load -k mysql "$@"
