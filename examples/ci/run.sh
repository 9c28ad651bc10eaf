#!/usr/bin/env bash
# What a CI job runs for a plan that was changed: it validates, diffs and
# applies ../walkthrough/bayplan.yaml against mock registries and a mock cloud.
# It needs no network and no credentials. Everything it makes is under world/.
set -euo pipefail
cd "$(dirname "$0")"

bayplan=${BAYPLAN:-go run ../../cmd/bayplan}
where=(-f ../walkthrough/bayplan.yaml --connections connections.yaml
       --var home="$PWD/world/home/stack" --var httpboot="$PWD/world/httpboot"
       --var archives="$PWD/../quickstart" --var tht="$PWD/tht")

rm -rf world
mkdir -p world/httpboot
$bayplan validate "${where[@]}"
$bayplan diff  "${where[@]}" --state-dir world/state
$bayplan apply "${where[@]}" --state-dir world/state
$bayplan apply "${where[@]}" --state-dir world/state
