// Package integration tests the bayplan command against servers of other
// projects: Debian's docker-registry, Keystone and Glance, and a later
// distribution registry. Toxiproxy adds network faults. skopeo, crane, regctl and
// OpenStack's client read what bayplan has moved and what it serves. The tests of
// the distribution specification run against bayplan's registry.
//
// The tests have the build tag "integration". `make integration` installs Debian's
// packages and runs them; package pinned builds other programs from source. The
// tests know bayplan only as a command and read its results over plain HTTP or
// with the servers' own clients. Each test starts the servers that it needs, on
// free ports of the loopback interface, and stops only those.
package integration
