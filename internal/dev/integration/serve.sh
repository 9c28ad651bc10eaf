#!/usr/bin/env bash
# serve.sh LOG URL COMMAND...: runs a server with its output in LOG.
#
# It prints "ready" once URL answers with any status. It runs as long as standard
# input stays open, so it cannot outlive the process that started it.
set -euo pipefail
log=$1 url=$2
shift 2

"$@" >"$log" 2>&1 </dev/null &
server=$!
finish() {
  local status=$?
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  if ((status != 0)); then tail -n 30 "$log" >&2; fi
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

until curl -sk -o /dev/null "$url"; do
  kill -0 "$server" 2>/dev/null || exit 1
  sleep 0.05
done
echo ready

# Wait until standard input ends or the server exits by itself.
cat <&0 >/dev/null &
input=$!
wait -n "$server" "$input" || true
kill -0 "$server" 2>/dev/null || exit 1
