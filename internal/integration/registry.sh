#!/usr/bin/env bash
# registry.sh DIR PORT [HTPASSWD]: Debian's docker-registry on loopback, its data in DIR.
#
# It prints "ready" once the registry answers and lives for as long as standard
# input stays open, so that it cannot outlive whoever started it.
set -euo pipefail
dir=$1 port=$2 htpasswd=${3:-}

mkdir -p "$dir/data"
{
  cat <<CONFIG
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $dir/data}
  delete: {enabled: true}
http: {addr: 127.0.0.1:$port, secret: integration}
CONFIG
  if [[ -n $htpasswd ]]; then echo "auth: {htpasswd: {realm: bayplan, path: $htpasswd}}"; fi
} >"$dir/config.yml"

OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null &
registry=$!
finish() {
  local status=$?
  kill "$registry" 2>/dev/null || true
  wait "$registry" 2>/dev/null || true
  if ((status != 0)); then tail -n 30 "$dir/log" >&2; fi
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

# With authentication, /v2/ answers 401: any answer at all will do.
until curl -s -o /dev/null "http://127.0.0.1:$port/v2/"; do
  kill -0 "$registry" 2>/dev/null || exit 1
  sleep 0.05
done
echo ready

# Wait for the end of standard input, or for a registry that dies by itself.
cat <&0 >/dev/null &
input=$!
wait -n "$registry" "$input" || true
kill -0 "$registry" 2>/dev/null || exit 1
