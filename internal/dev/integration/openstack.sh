#!/usr/bin/env bash
# openstack.sh DIR KEYSTONE_PORT GLANCE_PORT [GLANCE_URL]: a real Keystone and Glance on loopback.
#
# All state is under DIR: databases, images, logs, and a clouds.yaml whose cloud
# "bayplan" is the administrator. GLANCE_URL is the URL of Glance in the catalogue,
# for tests that put a proxy before it. The script prints "ready" once both answer,
# and runs as long as standard input stays open.
set -euo pipefail
dir=$(realpath -m "$1") keystone_port=$2 glance_port=$3
glance_url=${4:-http://127.0.0.1:$glance_port}
keystone_url=http://127.0.0.1:$keystone_port/v3
password=integration

mkdir -p "$dir"/{log,lock,keystone/fernet,glance/images,glance/staging,glance/tasks}
chmod 700 "$dir/keystone/fernet"
cd "$dir"

pids=()
finish() {
  local status=$? p
  for p in "${pids[@]}"; do kill -TERM "$p" 2>/dev/null || true; done
  for p in "${pids[@]}"; do stop "$p"; done
  if ((status != 0)); then tail -n 25 "$dir"/log/* >&2; fi
}
# stop waits for a server that got SIGTERM, and kills it after ten seconds. Each
# server has a process group of its own, so its workers are killed, too.
stop() {
  local i
  for ((i = 0; i < 100; i++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

# answers URL PID NAME: waits until URL answers, as long as PID lives.
answers() {
  local i
  for ((i = 0; i < 1200; i++)); do
    if curl -s -o /dev/null "$1"; then return 0; fi
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "$3 does not answer at $1" >&2
  return 1
}

# With the default journal, concurrent writes failed with "database is locked".
use_wal() {
  /usr/bin/python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode=WAL")' "$1"
}

### Databases. Both are created in parallel: every command takes time to start Python.

# allow_expired_window: by default, services accept tokens for two days after expiry.
# password_hash_rounds: the minimum; with the default, every login takes 0.2 s.
cat >"$dir/keystone/keystone.conf" <<CONFIG
[DEFAULT]
log_file = $dir/log/keystone.log
[database]
connection = sqlite:///$dir/keystone/keystone.db
[cache]
enabled = true
backend = dogpile.cache.memory
[token]
provider = fernet
allow_expired_window = 0
[fernet_tokens]
key_repository = $dir/keystone/fernet
[fernet_receipts]
key_repository = $dir/keystone/fernet
[identity]
password_hash_rounds = 4
CONFIG

cat >"$dir/glance/glance-api.conf" <<CONFIG
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $glance_port
workers = 1
log_file = $dir/log/glance.log
public_endpoint = $glance_url
enabled_backends = fs:file
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = $dir/glance/images
[os_glance_staging_store]
filesystem_store_datadir = $dir/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = $dir/glance/tasks
[database]
connection = sqlite:///$dir/glance/glance.db
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:$keystone_port
auth_url = http://127.0.0.1:$keystone_port
auth_type = password
username = admin
password = $password
project_name = admin
user_domain_id = default
project_domain_id = default
token_cache_time = 10
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
[oslo_policy]
policy_dirs = $dir/glance/policy.d
[oslo_concurrency]
lock_path = $dir/lock
CONFIG

glance_database() {
  /usr/bin/glance-manage --config-file "$dir/glance/glance-api.conf" db_sync >>"$dir/log/glance-setup.log" 2>&1
  use_wal "$dir/glance/glance.db" >/dev/null
}
keystone_database() {
  local manage=(/usr/bin/keystone-manage --config-file "$dir/keystone/keystone.conf")
  "${manage[@]}" db_sync
  "${manage[@]}" fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
  "${manage[@]}" bootstrap --bootstrap-password "$password" --bootstrap-region-id RegionOne \
    --bootstrap-public-url "$keystone_url/" --bootstrap-internal-url "$keystone_url/" --bootstrap-admin-url "$keystone_url/"
  use_wal "$dir/keystone/keystone.db"
}
glance_database &
glance_made=$!
keystone_database >>"$dir/log/keystone-setup.log" 2>&1

### Keystone. Connection: close, because uwsgi closes idle connections without notice.
### skip-atexit, because the clean-up of greenlet crashes the worker at its exit.

OS_KEYSTONE_CONFIG_DIR=$dir/keystone setsid /usr/bin/uwsgi_python3 \
  --http-socket "127.0.0.1:$keystone_port" --wsgi-file /usr/bin/keystone-wsgi-public \
  --master --lazy-apps --die-on-term --no-orphans --skip-atexit --processes 1 --threads 4 --enable-threads \
  --buffer-size 65535 --add-header "Connection: close" </dev/null >>"$dir/log/keystone-uwsgi.log" 2>&1 &
keystone=$!
pids+=("$keystone")
answers "$keystone_url" "$keystone" Keystone

### The catalogue's entry for Glance.

token=$(curl -fsS -D - -o /dev/null -H 'Content-Type: application/json' "$keystone_url/auth/tokens" -d '{"auth": {
  "identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "'"$password"'"}}},
  "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}' |
  tr -d '\r' | awk 'tolower($1) == "x-subject-token:" {print $2}')
post() {
  curl -fsS -H "X-Auth-Token: $token" -H 'Content-Type: application/json' "$keystone_url/$1" -d "$2"
}
service=$(post services '{"service": {"type": "image", "name": "glance"}}' |
  /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["service"]["id"])')
for interface in public internal admin; do
  post endpoints '{"endpoint": {"interface": "'$interface'", "region_id": "RegionOne", "service_id": "'"$service"'", "url": "'"$glance_url"'"}}' >/dev/null
done

### Glance. Not under uwsgi: its Debian package says that it is broken there.

wait "$glance_made"
setsid /usr/bin/glance-api --config-file "$dir/glance/glance-api.conf" </dev/null >>"$dir/log/glance-api.log" 2>&1 &
glance=$!
pids+=("$glance")
answers "http://127.0.0.1:$glance_port/versions" "$glance" Glance

cat >"$dir/clouds.yaml" <<CONFIG
clouds:
  bayplan:
    auth:
      auth_url: $keystone_url
      username: admin
      password: $password
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
    region_name: RegionOne
    identity_api_version: 3
    interface: public
CONFIG
echo ready

# Wait until standard input ends or a server exits by itself.
cat <&0 >/dev/null &
input=$!
wait -n "$keystone" "$glance" "$input" || true
kill -0 "$keystone" && kill -0 "$glance"
