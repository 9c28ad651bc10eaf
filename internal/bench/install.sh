#!/usr/bin/env bash
# install.sh: what the benchmark needs of Debian's packages.
#
# It installs what is absent and nothing else, and lets no package start a service.
set -euo pipefail

absent=()
for p in docker-registry skopeo curl; do
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null || true)
  [[ $status == ii* ]] || absent+=("$p")
done
if ((${#absent[@]} == 0)); then
  exit 0
fi
if ((EUID != 0)); then
  echo "bench: these Debian packages are missing, and installing them needs root: ${absent[*]}" >&2
  exit 1
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
finish() {
  local status=$?
  if [[ -n $own_policy ]]; then rm -f "$policy"; fi
  if ((status != 0)); then tail -n 40 "$log" >&2; fi
  rm -f "$log"
}
trap finish EXIT

# invoke-rc.d asks this file before it starts a service; 101 means "no".
if [[ ! -e $policy ]]; then
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
"${apt[@]}" update >"$log" 2>&1
"${apt[@]}" install --no-install-recommends "${absent[@]}" </dev/null >>"$log" 2>&1
