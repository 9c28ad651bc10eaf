// Package plan reads plan files: it turns YAML into names, places and references.
// It knows nothing of step types. It keeps what stands under a step's "with" as a
// Body, which decodes itself strictly into the struct of the step's type.
//
// Reading has four stages. Package yamlguard parses the bytes within limits. A
// converter turns the library's tree into nodes that know their places
// (converter.go). A reader takes the sections one by one (sections.go), replaces
// the variables (vars.go, fill.go) and collects all mistakes. What stands under
// "with" or in a connection is decoded later (decode.go).
//
// For plans, only this package and yamlguard import the YAML library.
package plan

import (
	"time"

	"github.com/bayplan/bayplan/internal/redact"
)

// A Plan is a plan file after reading. Its variables are replaced; its references
// to step outputs and secrets are not.
type Plan struct {
	File string // absolute path of the plan file
	Dir  string // absolute directory of File; relative paths in the plan start here
	Name string // the plan's name, ^[a-z0-9][a-z0-9_-]*$

	Registries []Connection // connections.registries, in file order
	Clouds     []Connection // connections.clouds, in file order
	Hosts      []Connection // connections.hosts, in file order
	Steps      []*Step      // in file order
	Off        []*Step      // steps that do not run: they are checked and then left out

	Spool int64 // bytes that blobs may take that several destinations want: defaults.spool

	Centre string   // of the Options: not "" if each step runs at its site
	Vars   []string // the names of the variables, sorted

	// Warnings are variables and secrets that nothing uses.
	Warnings Errors

	// ConnectionsFile is the file whose connections replace those of the plan, as the
	// user named it, or "".
	ConnectionsFile string
	// OtherServers says whether servers without a connection may be asked, if
	// ConnectionsFile does: "allow", "refuse" or "".
	OtherServers string

	// SecretVariables are the environment variables that hold the plan's secrets, for
	// those who start other programs.
	SecretVariables []string

	// Redactor masks what is secret in all that a run of the plan shows or records; it
	// is that of the Options.
	Redactor *redact.Redactor

	sources []*source       // of all its files, the plan file first
	scopes  []*scope        // of its variables: those of the plan, then those of the file of its connections
	secrets []*secretSource // in no order
}

// A Connection is one named entry of connections. Its settings are not decoded.
type Connection struct {
	Name     string
	Pos      Pos  // of the name
	Body     Body // its settings
	Included bool // it stands in a file that the plan includes
}

// A Step is one entry of steps, or one instance of an entry with for_each. Its
// configuration is not decoded.
type Step struct {
	ID      string // its address: the key under steps, for an instance as Address gives it
	Base    string // the key under steps
	Key     string // of the instance; "" for a step without for_each
	Site    string // where it runs when there are workers, or ""
	Type    string
	With    Body
	Needs   []Need
	Timeout time.Duration // of one attempt; 0 means no timeout
	Retry   int           // further attempts after a connection-class error
	When    string        // its condition as it is written; "" if there is none
	Off     string        // why it does not run; "" if it runs

	Pos     Pos // of the id
	TypePos Pos // of the type's value
}

// A Need is one entry of a step's needs.
type Need struct {
	ID  string
	Pos Pos
}

// Step returns the step with an id, or nil.
func (p *Plan) Step(id string) *Step {
	for _, s := range p.Steps {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Errorf makes an error at a place in the file that the step stands in, with its
// source line.
func (s *Step) Errorf(pos Pos, format string, args ...any) *Error {
	return s.With.src.errorf(pos, format, args...)
}

// File returns the file that the step stands in, as the user named it.
func (s *Step) File() string {
	if s.With.src == nil {
		return ""
	}
	return s.With.src.file
}
