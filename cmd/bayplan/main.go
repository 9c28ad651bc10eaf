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
	"runtime/debug"
)

func main() {
	os.Exit(runMain())
}

// gcPercent is how much the heap grows between two collections, in percent. What a run
// holds for thousands of images would otherwise count twice. With 5,000 tiny images it
// costs a tenth of the processor time; large blobs leave nothing to collect.
const gcPercent = 75

// runMain runs the command line of this process and returns its exit code.
func runMain() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log.SetOutput(io.Discard) // net/http logs bytes that servers send, which may hold secrets
	p := newProgram(os.Stdout, os.Stderr)
	p.UseProcess(os.Stdout, os.Stderr)
	return p.run(os.Args)
}
