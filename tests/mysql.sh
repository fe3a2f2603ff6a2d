#!/bin/sh
# The tests of load/ that ask for a database, on a MySQL server of their own that is ended afterwards.
# Only Debian sid has the server. It is unpacked into build/mysql with its libraries, libc among them, and started by the
# loader found there: nothing is installed, and root is not needed. It comes from where the machine's own packages do.
# usage: [MYSQLD_OPTIONS="OPTION..."] tests/mysql.sh PYTHON [PYTEST_ARGUMENT...]
set -eu

python=$1
shift
root=$PWD/build/mysql
folder=$(mktemp -d)
server=

clean_up() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# APT with lists, a cache and a state of its own, in which no package is installed.
unpack_server() {
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Release: $release" 'Component: main' |
        head -n 1)
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
    : >"$folder/apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$folder/apt/sources.list"
    cat >"$folder/apt/apt.conf" <<END
Dir::State "$folder/apt";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt";
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "$(id -un)";
Debug::NoLocking "true";
END
    APT_CONFIG=$folder/apt/apt.conf apt-get -q update
    APT_CONFIG=$folder/apt/apt.conf apt-get -qq -y --no-install-recommends --download-only install mysql-server-core
    rm -rf "$root.part"
    mkdir -p "$root.part"
    for package in "$folder"/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$root.part"
    done
    mv "$root.part" "$root"
}
[ -d "$root" ] || unpack_server

libraries=$(echo "$root"/usr/lib/*-linux-gnu*)
loader=$(echo "$libraries"/ld-linux*.so.*)
messages=$root/usr/share/mysql
# In place of the shell that asks for it, which is one of its own: ended by its number, the server ends.
run_server() {
    exec "$loader" --library-path "$libraries" "$root/usr/sbin/mysqld" --no-defaults --user="$(id -un)" \
        --datadir="$folder/data" --lc-messages-dir="$messages" --character-sets-dir="$messages/charsets" \
        --secure-file-priv=NULL ${MYSQLD_OPTIONS:-} "$@"
}

mkdir "$folder/data"
# With a password, which the server's own plugin (caching_sha2_password) asks for in a way of its own.
echo "ALTER USER root@localhost IDENTIFIED BY 'sesame';" >"$folder/users.sql"
(run_server --initialize-insecure --init-file="$folder/users.sql" >"$folder/install.log" 2>&1) || {
    cat "$folder/install.log"
    exit 1
}

port=$("$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Latin and careless of case, as many a server is: what we need is in the columns.
run_server --bind-address=127.0.0.1 --port="$port" --mysqlx=OFF --socket="$folder/socket" --pid-file="$folder/pid" \
    --character-set-server=latin1 --disable-log-bin --innodb-flush-log-at-trx-commit=0 >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 300); do
    grep -q "ready for connections" "$folder/server.log" && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/server.log"; exit 1; }
    sleep 0.2
done

(run_server --version)
# Without TLS: a handshake takes fifty times as long as connecting, which tests do again and again.
MYSQL_SERVER_URL="mysql+pymysql://root:sesame@127.0.0.1:$port/mysql?ssl_disabled=true" \
    "$python" -m pytest tests/load -k mysql "$@"
