# shellcheck shell=bash
# Sourced by the servers here that are Python programs over a PostgreSQL of their own (rucio, invenio).
#
# Whoever sources it sets NAME, STATE (its folder), DB_PORT and PACKAGES (of Debian 12) first.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
PG=/usr/lib/postgresql/15/bin
OWNER=$(id -un)
[ "$OWNER" != root ] || OWNER=postgres # PostgreSQL refuses to run as root

say() { echo "$NAME: $*" >&2; }

# as_owner COMMAND...: what PostgreSQL must not do as root
as_owner() {
  if [ "$(id -un)" = "$OWNER" ]; then
    (cd / && "$@")
  else
    (cd / && runuser -u "$OWNER" -- "$@")
  fi
}

install_packages() {
  local missing=() package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || { say "as root: apt-get install ${missing[*]}"; exit 1; }
  say "installing ${missing[*]}"
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"; } >&2
}

# python_packages VENV FROZEN: the checkout's own uv is many times faster than pip here
python_packages() {
  [ ! -f "$1/.complete" ] || return 0
  say "installing its Python packages"
  make -s -C "$ROOT" .uv/bin/uv >&2
  "$ROOT/.uv/bin/uv" venv -q --clear --no-managed-python --python "${PYTHON:-python3}" "$1" >&2
  "$ROOT/.uv/bin/uv" pip install -q --python "$1/bin/python" -r "$2" >&2
  touch "$1/.complete"
}

make_state() {
  mkdir -p "$STATE/pg" "$STATE/log"
  [ "$(id -un)" = "$OWNER" ] || chown "$OWNER" "$STATE/pg"
  as_owner test -w "$STATE/pg" || {
    say "$OWNER cannot write to $STATE/pg; set ${NAME^^}_STATE to a folder that it can reach"
    exit 1
  }
}

start_postgres() {
  [ -f "$STATE/pg/PG_VERSION" ] ||
    as_owner "$PG/initdb" -D "$STATE/pg" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N >"$STATE/log/initdb.log" 2>&1
  as_owner "$PG/pg_ctl" -D "$STATE/pg" status >/dev/null && return
  # what it holds is made anew at will, so it need not survive a power cut
  local options="-p $DB_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c timezone=UTC"
  options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off"
  as_owner "$PG/pg_ctl" -D "$STATE/pg" -w -l "$STATE/pg/server.log" -o "$options" start >/dev/null ||
    { tail -n 5 "$STATE/pg/server.log" >&2; exit 1; }
}

# an empty database called NAME; a first start that was cut short begins again with it
fresh_database() {
  "$PG/psql" -qX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$DB_PORT" -U postgres -d postgres \
    -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $NAME" -c "CREATE DATABASE $NAME" >&2
}

stop_postgres() {
  if [ -f "$STATE/pg/postmaster.pid" ]; then as_owner "$PG/pg_ctl" -D "$STATE/pg" -m fast -w stop >&2; fi
}

# alive FILE: is the process running whose number is in it, and ours? (numbers are used again, folders are not)
alive() { [ -s "$1" ] && [[ $(readlink "/proc/$(cat "$1")/cwd" 2>/dev/null) == "$STATE"* ]]; }

# running FILE ADDRESS: nothing to do? Another server at the same address would be taken for ours, so it is an error.
running() {
  if answers "$2"; then
    alive "$1" && return
    say "something else answers at $2; stop it, or set ${NAME^^}_PORT"
    exit 1
  fi
  return 1
}

# stop_process FILE: and wait until it has stopped
stop_process() {
  alive "$1" || return 0
  local pid
  pid=$(cat "$1")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 1 300); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  say "process $pid did not stop in 30 s"
  kill -9 "$pid" 2>/dev/null || true
}

answers() { curl -fsS -m 10 -o /dev/null "$1" 2>/dev/null; }

# wait_for ADDRESS SECONDS LOG
wait_for() {
  local end=$((SECONDS + $2))
  until answers "$1"; do
    if [ $SECONDS -ge $end ]; then
      say "no answer from $1 in $2 s; the end of $3:"
      tail -n 20 "$3" >&2 || true
      exit 1
    fi
    sleep 0.2
  done
}
