package main

import "github.com/bayplan/bayplan/cmd/internal/commandline"

// release is the version of a release. The linker sets it in make release.
var release string

// version returns the version that the binary was built from.
func version() string { return commandline.VersionOf(release) }
