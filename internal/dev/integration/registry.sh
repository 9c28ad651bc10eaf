#!/usr/bin/env bash
# registry.sh DIR PORT [HTPASSWD]: Debian's docker-registry on loopback, with its data in DIR.
#
# The variable PROGRAM names another version of the program. The registry's own
# variables, such as REGISTRY_STORAGE_DELETE_ENABLED, change other settings.
# The script prints "ready" and ends like serve.sh.
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
catalog: {maxentries: 1000}
CONFIG
  if [[ -n $htpasswd ]]; then echo "auth: {htpasswd: {realm: bayplan, path: $htpasswd}}"; fi
} >"$dir/config.yml"

scheme=http
if [[ -n ${REGISTRY_HTTP_TLS_CERTIFICATE:-} ]]; then scheme=https; fi
export OTEL_TRACES_EXPORTER=none
# With authentication, /v2/ answers 401. serve.sh accepts any status.
exec "$(dirname "$0")/serve.sh" "$dir/log" "$scheme://127.0.0.1:$port/v2/" "${PROGRAM:-docker-registry}" serve "$dir/config.yml"
