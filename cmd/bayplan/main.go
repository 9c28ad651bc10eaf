// Command bayplan brings the disk images and container images that an
// OpenStack cloud needs to the places that one checked-in plan names.
//
// It alone knows flags, signals, terminals, the environment and exit codes.
// Packages plan, runner and steps do the work.
package main

import (
	"os"

	"golang.org/x/term"
)

func main() {
	os.Exit(runMain())
}

// runMain runs the command line of this process and returns its exit code.
func runMain() int {
	p := newProgram(os.Stdout, os.Stderr)
	p.env = os.Environ()
	p.dir, _ = os.Getwd() // on failure, paths are shown in full
	p.terminal = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"
	p.bothTerminal = p.terminal && term.IsTerminal(int(os.Stderr.Fd()))
	p.columns = func() int {
		columns, _, err := term.GetSize(int(os.Stdout.Fd()))
		if err != nil || columns <= 0 {
			return 80
		}
		return columns
	}
	return p.run(os.Args)
}
