package hostfiles

import (
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
)

// A PlacedFile is a file that gets another name.
type PlacedFile struct {
	// File to copy.
	From plan.Path `json:"from"`
	// Name of the copy.
	As string `json:"as"`
}

// NameOf gives the name of the copy, or "" when it is not known yet.
func NameOf(f plan.TextOr[plan.Path, PlacedFile]) string {
	if f.Text == "" {
		return f.Other.As
	}
	return filepath.Base(string(f.Text))
}

// SourceOf gives the file to copy, or "" when it is not known yet.
func SourceOf(f plan.TextOr[plan.Path, PlacedFile]) plan.Path {
	if f.Text == "" {
		return f.Other.From
	}
	return f.Text
}
