#!/bin/sh
# Runs after the files are in place. dpkg calls it with "configure" and the version that
# was there before, rpm with the number of versions that are installed now.
set -e
user=bayplan-worker

if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers bayplan-temporal.conf
elif ! getent passwd "$user" >/dev/null; then
	useradd --system --user-group --home-dir "/var/lib/$user" --no-create-home --shell /sbin/nologin \
		--comment "Worker of bayplan" "$user"
fi

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ "$1" = 2 ] || [ "$1" = configure ] && [ -n "$2" ]; then
		systemctl try-restart 'bayplan-worker@*.service'
	fi
fi
