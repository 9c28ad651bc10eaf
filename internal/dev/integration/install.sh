#!/usr/bin/env bash
# install.sh [PACKAGE...]: installs Debian packages; without names, those of the
# real servers that the integration tests use.
#
# It installs only missing packages and lets none of them start a service. It stops
# Keystone's and Glance's packages from creating databases: openstack.sh creates
# them where the tests need them.
set -euo pipefail

packages=("$@")
if (($# == 0)); then
  packages=(docker-registry skopeo keystone glance-api python3-openstackclient uwsgi-plugin-python3 curl createrepo-c dnf rpm gnupg chromium man-db mandoc systemd jq zsh minisign postgresql)
fi

absent=()
for p in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null || true)
  [[ $status == ii* ]] || absent+=("$p")
done
if ((${#absent[@]} == 0)); then
  exit 0
fi
if ((EUID != 0)); then
  echo "these Debian packages are missing, and installing them needs root: ${absent[*]}" >&2
  exit 1
fi

echo "installing ${absent[*]} and their dependencies (some minutes the first time)"
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
debconf-set-selections <<'PRESEED'
keystone keystone/configure_db boolean false
keystone keystone/register-endpoint boolean false
keystone keystone/create-admin-tenant boolean false
glance-common glance/configure_db boolean false
glance-api glance/register-endpoint boolean false
PRESEED

apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
"${apt[@]}" update >"$log" 2>&1
"${apt[@]}" install --no-install-recommends -o Dpkg::Options::=--force-confold "${absent[@]}" </dev/null >>"$log" 2>&1
