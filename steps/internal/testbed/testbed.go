// Package testbed holds the outside world that the tests of step types run
// against: registries, a cloud, keys and boot files. It imports no step type and
// not the list of them, so the tests of every type can use it. Nothing of it ships.
package testbed
