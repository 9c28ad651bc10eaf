// Package tripleo finds the container images that a TripleO deployment needs, and
// their names. It reads Heat environment files and roles files, finds the services
// that run in containers, the images that they need and the parameters that name
// the images, and writes the list of images to pull and a file for the deployment.
//
// The model is service -> image -> parameter. Differences between releases are
// data, under data/. The package knows nothing of steps and registries: the caller
// passes a function that opens files and a Registry that reads labels.
package tripleo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// An Open opens a file for reading. Its error for a missing file is fs.ErrNotExist.
type Open func(path string) (io.ReadCloser, error)

// A Place is a line in a file. Line 0 means the whole file. The zero Place means
// built-in data.
type Place struct {
	File string
	Line int
	Col  int // in characters, from 1; 0: not known, or the line must not be shown
}

// String returns "file:line".
func (p Place) String() string {
	switch {
	case p.File == "":
		return "built-in"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// An UnknownError is about an unknown name.
type UnknownError struct {
	Place Place  // zero if the name is not from a file
	What  string // the kind of name: release, variable
	Got   string
	Known []string
}

// Error implements error.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("unknown %s %q; known are %s", e.What, e.Got, strings.Join(e.Known, ", "))
	if e.Place != (Place{}) {
		text = e.Place.String() + ": " + text
	}
	return text
}

// Hint suggests the nearest known name.
func (e *UnknownError) Hint() string { return human.DidYouMean(e.Got, e.Known) }

// Location says where the name is.
func (e *UnknownError) Location() fault.Location {
	at := e.Place.location()
	bare := *e
	bare.Place = Place{}
	at.Msg = bare.Error()
	return at
}

// A mistake is an error at a place.
type mistake struct {
	place Place
	err   error
}

func (m *mistake) Error() string { return m.place.String() + ": " + m.err.Error() }
func (m *mistake) Unwrap() error { return m.err }

// Location says where the mistake is.
func (m *mistake) Location() fault.Location {
	at := m.place.location()
	at.Msg = m.err.Error()
	return at
}

// hidden returns the place without its column, so that its line is not shown: the file may
// be of another kind, and hold secrets.
func (p Place) hidden() Place {
	p.Col = 0
	return p
}

// plain matches a key that messages may quote from any file.
var plain = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_-]{0,60}$`)

// quotable returns a key of a file that may be of another kind, or what is shown in its
// place.
func quotable(key string) string {
	if plain.MatchString(key) {
		return key
	}
	return "..."
}

func (p Place) location() fault.Location {
	return fault.Location{File: p.File, Line: p.Line, Col: p.Col}
}

// errorf makes an error at a place.
func (p Place) errorf(format string, args ...any) error {
	return &mistake{p, fmt.Errorf(format, args...)}
}

// maxMistakes is how many mistakes in one file are told.
const maxMistakes = 20

// joinMistakes joins the mistakes in a file. It leaves out those that are too many, and
// says so.
func joinMistakes(path string, errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(errs) - maxMistakes; more > 0 {
		errs = append(errs[:maxMistakes], fmt.Errorf("%s: %s", path, human.Count(more, "more mistake", "more mistakes")))
	}
	return fault.Join(errs...)
}

// withoutPath removes the operation and the path from a file's error, for messages
// that name the file anyway.
func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
