package runner

import (
	"iter"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// A Server is a server that a step asks.
type Server struct {
	Kind  ServerKind
	Name  string   // the name of its connection, or ""
	Hosts []string // without a Name: its host, or hosts of which any one will do; empty if only a run knows the server
	URLs  []string // of a web server: what the step reads there, as far as known; one that ends with / is only where more is
	Field string   // the field of the configuration that names it
	Named bool     // the step names the server and uses its settings, but does not ask it
}

// A Where is a server, or a part of what it has, in which steps change or look at something.
// Equal values are one place.
type Where struct {
	Kind ServerKind
	Name string // of a registry its host in lower case, of a cloud its name
	Part string // "": all of it
}

// String returns what messages call it, such as "registry quay.io".
func (w Where) String() string {
	text := strings.TrimSpace(string(w.Kind) + " " + w.Name)
	if w.Part != "" {
		text = w.Part + " of " + text
	}
	return text
}

// A ServerKind is a kind of connection.
type ServerKind string

// All kinds of connections.
const (
	RegistryServer ServerKind = "registry"
	CloudServer    ServerKind = "cloud"
	WebServer      ServerKind = "host"
)

// An Asked is a server that a step of a plan asks.
type Asked struct {
	Step *plan.Step
	Server
}

// AskedBy returns the servers that the steps of a plan ask, as far as the plan alone
// shows them. It leaves out steps with mistakes in their configuration. A step that is off
// only names its servers.
func AskedBy(p *plan.Plan, types Types) []Asked {
	var all []Asked
	for s, paths := range pathsOf(p, types, p.Steps) {
		for _, server := range paths.Asks {
			all = append(all, Asked{s, server})
		}
	}
	for s, paths := range pathsOf(p, types, p.Off) {
		for _, server := range paths.Asks {
			server.Named = true
			all = append(all, Asked{s, server})
		}
	}
	return all
}

// PathsOf returns the paths and places of the steps of a plan, in file order, as far as the
// plan alone shows them. It leaves out steps with mistakes in their configuration.
func PathsOf(p *plan.Plan, types Types) iter.Seq2[*plan.Step, Paths] {
	return pathsOf(p, types, p.Steps)
}

func pathsOf(p *plan.Plan, types Types, steps []*plan.Step) iter.Seq2[*plan.Step, Paths] {
	return func(yield func(*plan.Step, Paths) bool) {
		g := &Graph{Plan: p}
		for _, s := range steps {
			typ, ok := types.Find(s.Type)
			if !ok {
				continue
			}
			step := g.newStep(&Node{Step: s, Type: typ})
			pather, ok := step.(Pather)
			if !ok || len(s.With.Decode(step, nil)) > 0 {
				continue
			}
			if !yield(s, pather.Paths()) {
				return
			}
		}
	}
}
