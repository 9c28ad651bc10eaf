#!/usr/bin/env bash
# run.sh [GO TEST FLAGS]: runs the integration tests. A skipped test is a failure.
set -euo pipefail
cd "$(dirname "$0")"

./install.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT
CGO_ENABLED=0 go test -trimpath -tags integration -count=1 -timeout 40m -v "$@" . </dev/null 2>&1 | tee "$log"

# A skipped test proves nothing, and neither does a run without tests.
if grep -E '^ *--- SKIP|\[no tests? (files|to run)\]' "$log" >&2; then
  echo "integration: every test is mandatory" >&2
  exit 1
fi
