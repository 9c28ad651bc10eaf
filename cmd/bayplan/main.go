// Command bayplan brings the disk images and container images that an
// OpenStack cloud needs to where they must be, as one checked-in plan says.
//
// It alone knows flags, signals, terminals, the environment and exit codes;
// what is done is in packages plan, runner and steps.
package main

import (
	"os"

	"golang.org/x/term"
)

func main() {
	os.Exit(bayplan())
}

// bayplan runs the command line of this process and gives its exit code.
func bayplan() int {
	dir, _ := os.Getwd() // unknown: paths are shown in full
	p := &program{
		out:      os.Stdout,
		err:      os.Stderr,
		env:      os.Environ(),
		dir:      dir,
		terminal: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb",
	}
	return p.run(os.Args)
}
