package main

import "slices"

// A program is one of those that a release has. Each has packages of its own.
type program struct {
	name      string
	module    string // the directory of its module
	main      string // its package, seen from there
	completes bool   // it has completion for shells
	linuxOnly bool

	summary, about string
	units          []string          // of systemd, files of the repository
	settings       map[string]string // files of packaging by where packages install them
	scripts        string            // the directory of the scripts of its packages, below packaging
}

var (
	bayplan = program{
		name: "bayplan", module: ".", main: "./cmd/bayplan", completes: true,
		summary: summary, about: about,
		units:    []string{unitDir + "/bayplan@.service", unitDir + "/bayplan@.timer", unitDir + "/bayplan-registry.service"},
		settings: map[string]string{"sysusers.conf": "usr/lib/sysusers.d/bayplan.conf", "registry.env": etcDir + "/registry.env"},
	}
	temporal = program{
		name: "bayplan-temporal", module: "cmd/bayplan-temporal", main: ".", linuxOnly: true,
		summary: "Carries out a plan of bayplan over many sites, with Temporal",
		about: `A worker at each site does the steps of that site, and one command at the
centre starts a run and shows it.`,
		units:    []string{unitDir + "/bayplan-worker@.service"},
		settings: map[string]string{"worker/sysusers.conf": "usr/lib/sysusers.d/bayplan-temporal.conf", "worker/worker.env": "usr/share/doc/bayplan-temporal/worker.env"},
		scripts:  "worker",
	}
)

// platforms returns those of a list for which the program is made.
func (p program) platforms(all []platform) []platform {
	return slices.DeleteFunc(slices.Clone(all), func(on platform) bool { return p.linuxOnly && on.os != "linux" })
}

// docDir returns the directory where packages put documents.
func (p program) docDir() string { return "usr/share/doc/" + p.name }
