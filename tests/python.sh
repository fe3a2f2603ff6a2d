#!/bin/sh
# The tests on another Python: one on the PATH, else Debian's in a root of its own, made by debootstrap (as root).
# usage: tests/python.sh VERSION UV EXTRAS RAN.json PYTEST_ARGUMENT...
set -eu

version=$1 uv=$2 extras=$3 ran=$4
shift 4

if "python$version" -c '' 2>/dev/null; then
    environment=dist/python-$version
    "$uv" venv --quiet --clear --python "python$version" "$environment"
    VIRTUAL_ENV=$environment "$uv" pip install --quiet --constraint constraints.txt --editable ".[$extras]" --group test
    exec "$environment/bin/python" -m tests.matrix run "$ran" "$@"
fi

case $version in
3.13) suite=trixie ;;
*) suite=sid ;;
esac
root=$PWD/dist/debian-$version
if ! [ -e "$root/done" ]; then
    command -v debootstrap >/dev/null || { apt-get update && apt-get install -y --no-install-recommends debootstrap; }
    rm -rf "$root"
    debootstrap --variant=minbase --include="python$version-venv,ca-certificates,adduser" "$suite" "$root"
    touch "$root/done"
fi

# The network and whom to trust are this machine's, the files are a copy.
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
rm -rf "$root/work"
mkdir "$root/work"
tar --create --exclude=./dist --exclude=./.venv --exclude=./.demo --exclude=./.git . | tar --extract --directory "$root/work"
cp "$uv" "$root/usr/local/bin/uv"
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
trap 'umount "$root/proc"; umount --recursive --lazy "$root/dev"' EXIT
chroot "$root" env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -ceu "
    cd /work
    uv venv --quiet --clear --python python$version .venv
    VIRTUAL_ENV=.venv uv pip install --quiet --constraint constraints.txt --editable '.[$extras]' --group test
    .venv/bin/python -m tests.matrix run ran.json $*"
cp "$root/work/ran.json" "$ran"
