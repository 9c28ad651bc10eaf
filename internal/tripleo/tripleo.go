// Package tripleo knows which container images a TripleO deployment needs and
// what they are called: it reads Heat environment files and roles, finds the
// services that run in containers, the images that serve them and the
// parameters that name them, and writes the two files of a prepared overcloud.
//
// One model serves: service -> image -> parameter. What differs between
// releases is data, under data/. It knows nothing of steps and registries:
// files are opened by a function that the caller brings, and labels are read
// by another.
package tripleo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// An Open opens a file for reading. An absent file's error is fs.ErrNotExist.
type Open func(path string) (io.ReadCloser, error)

// A Place is a line in a file. A line of 0 is the file as a whole, and the
// zero Place what is built in.
type Place struct {
	File string
	Line int
}

// String gives "file:line".
func (p Place) String() string {
	switch {
	case p.File == "":
		return "built-in"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// An UnknownError is about a name that there is none of.
type UnknownError struct {
	Place Place  // zero: not of a file
	What  string // what it would be the name of: release, variable
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

// errorf makes an error about a place.
func (p Place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", p, fmt.Errorf(format, args...))
}

// bare strips the operation and the path off a file's error, for messages that
// name the file already.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
