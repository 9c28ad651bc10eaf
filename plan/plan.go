// Package plan reads plan files: YAML in, names, places and references out.
// It knows nothing of any step type; what stands under a step's "with" is kept
// as a Body, which decodes itself strictly into whatever struct a type brings.
//
// Reading goes one way: the bytes are checked to be text of bounded cost
// (textcheck.go), the YAML library lexes them, the tokens are checked likewise
// (tokencheck.go), the library parses them, and its tree becomes nodes that know
// their places (yaml.go). A reader (read.go) then takes the sections one by one,
// replaces the variables (vars.go, fill.go) and collects every mistake. What
// stands under "with" or in a connection is decoded later (decode.go).
//
// It is the only package that imports the YAML library for plans.
package plan

import "time"

// A Plan is a plan file as read: its variables are replaced, its references to
// step outputs and secrets are kept.
type Plan struct {
	File string // absolute path of the plan file
	Dir  string // absolute directory of File; relative paths in the plan start here
	Name string // the plan's name, ^[a-z0-9][a-z0-9_-]*$

	Registries []Connection // connections.registries, in file order
	Clouds     []Connection // connections.clouds, in file order
	Hosts      []Connection // connections.hosts, in file order
	Steps      []*Step      // in file order

	src *source
}

// A Connection is one named entry of connections, not yet decoded.
type Connection struct {
	Name string
	Pos  Pos  // of the name
	Body Body // its settings
}

// A Step is one entry of steps, its configuration not yet decoded.
type Step struct {
	ID      string
	Type    string
	With    Body
	Needs   []Need
	Timeout time.Duration // of one attempt; 0: none
	Retry   int           // further attempts after a connection-class error

	Pos     Pos // of the id
	TypePos Pos // of the type's value
}

// A Need is one entry of a step's needs.
type Need struct {
	ID  string
	Pos Pos
}

// Step finds a step by id, or gives nil.
func (p *Plan) Step(id string) *Step {
	for _, s := range p.Steps {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Errorf makes an error at a place in the plan file, with its source line. For
// what stands in a Connection, which may come from another file, use the
// Errorf of its Body.
func (p *Plan) Errorf(pos Pos, format string, args ...any) *Error {
	return p.src.errorf(pos, format, args...)
}
