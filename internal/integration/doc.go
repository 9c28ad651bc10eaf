// Package integration tests the bayplan command against servers that are not
// bayplan's own: Debian's docker-registry, Keystone and Glance.
//
// Its tests carry the build tag "integration" and are run by `make integration`,
// which installs the servers first. They know bayplan only as a command: what it
// did is read back over plain HTTP or by the servers' own clients. Each test
// starts the servers that it needs, on free ports of the loopback interface, and
// stops exactly those.
package integration
