// Command bayplan-temporal carries out a plan over many sites, with Temporal between them: a worker
// at each site does the steps of that site, and one command at the centre starts a run and shows it.
//
// It is a module of its own, so that bayplan contains nothing of Temporal.
package main

import (
	"io"
	"log"
	"os"
)

func main() {
	log.SetOutput(io.Discard) // libraries log what servers send, which may hold secrets
	p := newProgram(os.Stdout, os.Stderr, nil)
	p.UseProcess(os.Stdout, os.Stderr)
	os.Exit(p.run(os.Args))
}
