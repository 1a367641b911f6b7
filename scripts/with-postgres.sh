#!/usr/bin/env bash
# Runs a command while a PostgreSQL of this machine's packages runs on a temporary folder; HOLDFAST_TEST_STORE names it.
#   scripts/with-postgres.sh npm test -- test/store
# POSTGRES_BIN names the folder of its programs; default: the oldest that Debian's packages put there.
set -euo pipefail

bin=${POSTGRES_BIN:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | head -n 1)}
[ -x "$bin/postgres" ] || { echo "there is no PostgreSQL in ${bin:-/usr/lib/postgresql}; install the package postgresql" >&2; exit 1; }

# It refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }

cd "$(dirname "$0")/.."
folder=$(cd /tmp && as_postgres mktemp -d /tmp/holdfast-postgres.XXXXXX)
stop() {
  (cd "$folder" && as_postgres "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1) || true
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

port=$(node -e "const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })")
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(
  cd "$folder"
  umask 077
  as_postgres sh -c 'printf %s "$1" > password' sh "$password"
  as_postgres "$bin/initdb" -D "$folder/data" -U holdfast --pwfile="$folder/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync >/dev/null
  settings="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 -c fsync=off -c full_page_writes=off"
  as_postgres "$bin/pg_ctl" -D "$folder/data" -w -t 60 -l "$folder/log" -o "$settings" start >/dev/null ||
    { cat "$folder/log" >&2; exit 1; }
)
"$bin/postgres" --version >&2
export HOLDFAST_TEST_STORE="postgres://holdfast:$password@127.0.0.1:$port/postgres"
"$@"
