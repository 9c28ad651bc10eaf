#!/bin/sh
# Runs before the files go. dpkg calls it with "remove" or "upgrade", rpm with the number of
# versions that stay installed.
set -e

if [ "$1" = remove ] || [ "$1" = 0 ]; then
	for unit in /etc/systemd/system/*.wants/bayplan-worker@*.service; do
		if [ -L "$unit" ] && command -v systemctl >/dev/null 2>&1; then
			systemctl disable "${unit##*/}"
		fi
	done
	if [ -d /run/systemd/system ]; then
		systemctl stop 'bayplan-worker@*.service'
	fi
fi
