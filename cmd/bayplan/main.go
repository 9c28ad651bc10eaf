// Command bayplan brings the disk images and container images that an
// OpenStack cloud needs to the places that one checked-in plan names.
//
// It alone knows flags, signals, terminals, the environment and exit codes.
// Packages plan, runner and steps do the work.
package main

import (
	"io"
	"log"
	"os"
)

func main() {
	os.Exit(runMain())
}

// runMain runs the command line of this process and returns its exit code.
func runMain() int {
	log.SetOutput(io.Discard) // net/http logs bytes that servers send, which may hold secrets
	p := newProgram(os.Stdout, os.Stderr)
	p.env = os.Environ()
	p.dir, _ = os.Getwd() // on failure, paths are shown in full
	p.useTerminals(os.Stdout, os.Stderr)
	return p.run(os.Args)
}
