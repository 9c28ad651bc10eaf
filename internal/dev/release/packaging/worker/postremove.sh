#!/bin/sh
# Runs after the files are gone. What the workers have stored stays: it is the user's.
set -e

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ] || [ "$1" = 0 ]; then
	if [ -e /var/lib/bayplan-worker ]; then
		echo "bayplan-temporal: /var/lib/bayplan-worker stays; remove it if nothing needs it"
	fi
fi
