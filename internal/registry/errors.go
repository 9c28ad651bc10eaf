package registry

import "github.com/bayplan/bayplan/internal/registry/wire"

// An Error says what a registry answered, or why it did not.
type Error = wire.Error

// A Credential is what a registry is shown; the zero value is none.
type Credential = wire.Credential

// A Kind says what went wrong with a registry.
type Kind = wire.Kind

// The kinds of errors.
const (
	Other       = wire.Other
	NotFound    = wire.NotFound    // no such repository, tag, manifest or blob
	NoLogin     = wire.NoLogin     // the registry asks for credentials and there are none
	BadLogin    = wire.BadLogin    // the registry refuses the credentials
	Denied      = wire.Denied      // the credentials are good, but not for this; or it is not there
	Unreachable = wire.Unreachable // there was no answer
	Busy        = wire.Busy        // the registry says: try later
	Mismatch    = wire.Mismatch    // the registry sent something else than it should
)

// KindOf gives the kind of the Error in err, Other where there is none.
func KindOf(err error) Kind { return wire.KindOf(err) }
