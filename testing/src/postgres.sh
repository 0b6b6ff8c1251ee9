# Keeps a throw-away PostgreSQL for as long as its own input is open, which is as long as the tests live, however they
# end. Arguments: the folder of PostgreSQL's programs, and a port. The first line of the input: the password.
# Says "ready FOLDER", or why not.
set -eu
exec 2>&1
# What ends the tests, a Ctrl-C too, must not end this before it has cleaned up.
trap '' INT TERM HUP
programs=$1 port=$2
IFS= read -r password

# PostgreSQL refuses to run as root.
as= temporary=${TMPDIR:-/tmp}
if [ "$(id -u)" = 0 ]; then as='runuser -u postgres --' temporary=/tmp; fi
cd /
folder=$($as mktemp -d "$temporary/pulso-postgres.XXXXXX")
trap '$as "$programs/pg_ctl" stop -s -m immediate -D "$folder/data" >/dev/null || true; rm -rf "$folder"' EXIT

# Texts are compared as people do it, not byte by byte: whoever relies on COLLATE "C" has to say so.
locale='--locale=C.UTF-8'
case "$("$programs/initdb" --help)" in *--icu-locale*) locale='--locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US' ;; esac
printf '%s' "$password" | $as sh -c "umask 077; cat >'$folder/password'"
$as "$programs/initdb" -D "$folder/data" -U postgres -A md5 --pwfile="$folder/password" -E UTF8 $locale --no-sync >"$folder/initdb" \
  || { cat "$folder/initdb"; exit 1; }

# Nothing here has to survive a power cut.
cat >>"$folder/data/postgresql.conf" <<SETTINGS
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 32MB
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = 1h
jit = off
SETTINGS
$as "$programs/pg_ctl" start -s -w -D "$folder/data" -l "$folder/log" >/dev/null || { cat "$folder/log"; exit 1; }
echo "ready $folder"
cat >/dev/null
