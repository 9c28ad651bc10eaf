// Package sigstorego compares how bayplan checks signatures with sigstore-go, another
// project's library. It is a module of its own, so that bayplan does not depend on it.
package sigstorego
