// Package integration tests the bayplan command against servers that are not
// bayplan's own: Debian's docker-registry, Keystone and Glance, and a later
// distribution registry; and over lines that toxiproxy troubles. What bayplan
// moved and what it serves is read by skopeo, crane, regctl and OpenStack's
// client, and tried by the distribution specification's own tests.
//
// Its tests carry the build tag "integration" and are run by `make integration`,
// which installs Debian's packages first; the rest is built from source when it
// is needed (package pinned). They know bayplan only as a command: what it
// did is read back over plain HTTP or by the servers' own clients. Each test
// starts the servers that it needs, on free ports of the loopback interface, and
// stops exactly those.
package integration
