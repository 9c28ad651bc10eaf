#!/usr/bin/env bash
# machine.sh DIR PACKAGE...: makes a root file system in DIR of Debian packages that this
# host has, with all that they depend on and nothing else. It holds no Go.
set -euo pipefail
root=$1
shift

base=(base-files base-passwd coreutils dash diffutils grep gzip libc-bin sed tar)
mapfile -t named < <(apt-cache depends --recurse --installed --important "${base[@]}" "$@" | grep -E '^[a-z0-9]' | sort -u)
# Of alternatives, those that are installed.
mapfile -t all < <(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${named[@]}" 2>/dev/null | sed -n 's/^ii //p' | sort -u)

# The links of a system whose /bin is /usr/bin belong to no package.
mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/var/lib/dpkg/{info,updates} "$root"/{dev,proc,tmp,home,root}
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
chmod 1777 "$root/tmp"

dpkg-query -L "${all[@]}" | grep -vE '^/usr/share/(locale|man|doc)/|^/usr/share/info/|^/(dev|proc|sys|\.)$|^(package|locally|diverted)' | sort -u |
  while IFS= read -r path; do if [[ -e $path || -L $path ]]; then printf '%s\0' "${path#/}"; fi; done |
  tar -C / --null --no-recursion -cf - -T - | tar -C "$root" --keep-directory-symlink -xf -
ln -sf dash "$root/usr/bin/sh"

# What the packages' scripts would have made.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
echo 'user:x:1000:1000::/home/user:/bin/sh' >>"$root/etc/passwd"
echo 'user:x:1000:' >>"$root/etc/group"
install -d -o 1000 -g 1000 "$root/home/user"
: >"$root/etc/shadow"
ldconfig -r "$root"

# dpkg there knows these packages.
dpkg-query -s "${all[@]}" >"$root/var/lib/dpkg/status"
touch "$root/var/lib/dpkg/available"
cp /var/lib/dpkg/info/format "$root/var/lib/dpkg/info/"
for package in "${all[@]}"; do cp "/var/lib/dpkg/info/$package"[.:]* "$root/var/lib/dpkg/info/"; done
