#!/usr/bin/env bash
# A CI job for changed plans: it validates, diffs and applies the other examples
# against mock registries, a mock cloud and mock web servers. It needs no network
# and no credentials, and writes only under world/. BAYPLAN names the program to run;
# without it, the source is run with Go, or bayplan where the source is not there.
set -euo pipefail
cd "$(dirname "$0")"

export CGO_ENABLED=0 # go run then needs no C compiler
program=bayplan
[ ! -d ../../cmd/bayplan ] || program='go run ../../cmd/bayplan'
bayplan=${BAYPLAN:-$program}

# rehearse EXAMPLE [FLAG...]
rehearse() {
    local where=(-f "../$1/bayplan.yaml" --connections "$1.yaml" "${@:2}")
    $bayplan validate "${where[@]}"
    $bayplan diff  "${where[@]}" --state-dir world/state
    $bayplan apply "${where[@]}" --state-dir world/state
    $bayplan apply "${where[@]}" --state-dir world/state
}

rm -rf world
mkdir -p world/httpboot world/ironic/{images,httpboot}
cp inspector.ipxe world/httpboot

rehearse ironic-standalone --var downloads="$PWD/world/downloads" --var httpboot="$PWD/world/boot"
rehearse formats --var out="$PWD/world/formats"
rehearse rhosp17-director --var home="$PWD/world/home17" --var ironic="$PWD/world/ironic" \
         --var archives="$PWD/archives" --var tht="$PWD/tht17"
rehearse rhosp13 --var home="$PWD/world/home13" --var httpboot="$PWD/world/httpboot" \
         --var archives="$PWD/../quickstart" --var tht="$PWD/tht"
