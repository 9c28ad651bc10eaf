#!/bin/sh
# Runs after the files are gone. What the services have stored stays: it is the user's.
set -e

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ] || [ "$1" = 0 ]; then
	for dir in /var/lib/bayplan /var/lib/bayplan-registry; do
		if [ -e "$dir" ]; then
			echo "bayplan: $dir stays; remove it if nothing needs it"
		fi
	done
fi
