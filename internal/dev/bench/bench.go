package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// Options of a bench. They come from the environment, which passes through make.
type options struct {
	dir     string   // of all that is kept between runs
	bayplan string   // the program; "": it is built
	runs    int      // timed ones of each tool
	only    []string // names of comparisons to make
	strict  bool     // goals that are missed are a failure

	// Of the comparison of mirror.
	tools []string      // names of tools to run
	far   []string      // names of those to run with the source far away
	rate  float64       // of the line to a source far away, bytes per second; 0: no such line
	delay time.Duration // of that line
}

// A bench has what all comparisons need.
type bench struct {
	options

	self string    // this program
	say  io.Writer // progress
}

// A comparison measures bayplan beside others at one kind of work. It prints
// one table to w, also of what was measured before an error, and gives the
// goals that it can tell of.
type comparison struct {
	name string
	make func(ctx context.Context, b *bench, w io.Writer) ([]goal, error)
}

// comparisons lists all, in the order in which they are made. Each has a file
// of its own that is named after it.
func comparisons() []comparison {
	return []comparison{
		{"mirror", compareMirror},
		{"untar", compareUntar},
		{"upload", compareUpload},
	}
}

// run makes those of the comparisons that are asked for. One that goes wrong
// does not keep the others from being made.
func (b *bench) run(ctx context.Context, w io.Writer, all []comparison) error {
	if b.bayplan == "" {
		b.bayplan = filepath.Join(b.dir, "bin", bayplanName)
		if err := quietly(ctx, "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-buildvcs=false", "-o", b.bayplan, "./cmd/bayplan"); err != nil {
			return fmt.Errorf("build bayplan: %w", err)
		}
	}
	var errs []error
	missed := 0
	for _, c := range all {
		if !slices.Contains(b.only, c.name) {
			continue
		}
		goals, err := c.make(ctx, b, w)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
		missed += judge(w, goals)
	}
	if missed > 0 && b.strict {
		errs = append(errs, fmt.Errorf("%d goals are missed", missed))
	}
	return errors.Join(errs...)
}
