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
	"strings"
)

// An Open opens a file for reading. Its error for a missing file is fs.ErrNotExist.
type Open func(path string) (io.ReadCloser, error)

// A Place is a line in a file. Line 0 means the whole file. The zero Place means
// built-in data.
type Place struct {
	File string
	Line int
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

// errorf makes an error at a place.
func (p Place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", p, fmt.Errorf(format, args...))
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
