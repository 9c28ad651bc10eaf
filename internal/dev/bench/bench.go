package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// options are the settings of a bench. They come from the environment, because
// that passes through make.
type options struct {
	dir     string   // keeps files between runs
	bayplan string   // path of the program; "": build it
	before  string   // path of an older bayplan to measure beside it; "": none
	runs    int      // timed runs of each tool
	only    []string // names of the comparisons to run
	strict  bool     // a missed goal is a failure

	// For the comparison of mirror.
	tools []string      // names of the tools to run
	far   []string      // names of the tools to run with a distant source
	rate  float64       // of the line to the distant source, in bytes per second; 0: no line
	delay time.Duration // of that line
}

// A bench holds what all comparisons need.
type bench struct {
	options

	self string    // path of this program
	log  io.Writer // progress
}

// A comparison measures bayplan and other tools at one kind of work. run prints
// one table to w and returns the goals that were measured. After an error the
// table holds what was measured before it.
type comparison struct {
	name string
	run  func(ctx context.Context, b *bench, w io.Writer) ([]goal, error)
}

// comparisons lists all comparisons in the order in which they run. Each has a
// file with its name.
func comparisons() []comparison {
	return []comparison{
		{"mirror", compareMirror},
		{"many", compareMany},
		{"resets", compareResets},
		{"select", compareSelect},
		{"sites", compareSites},
		{"spread", compareSpread},
		{"untar", compareUntar},
		{"upload", compareUpload},
	}
}

// run runs the selected comparisons. If one fails, the others still run.
func (b *bench) run(ctx context.Context, w io.Writer, all []comparison) error {
	if b.bayplan == "" {
		b.bayplan = filepath.Join(b.dir, "bin", bayplanName)
		if err := measure.Quiet(ctx, "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-buildvcs=false", "-o", b.bayplan, "./cmd/bayplan"); err != nil {
			return fmt.Errorf("build bayplan: %w", err)
		}
	}
	var errs []error
	missed := 0
	for _, c := range all {
		if !slices.Contains(b.only, c.name) {
			continue
		}
		goals, err := c.run(ctx, b, w)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
		missed += printGoals(w, goals)
	}
	if missed > 0 && b.strict {
		errs = append(errs, fmt.Errorf("%d goals missed", missed))
	}
	return errors.Join(errs...)
}

// prepareMachine flushes earlier writes to the disk and makes memory available,
// so that neither slows down the next run.
func (b *bench) prepareMachine(ctx context.Context) error {
	syscall.Sync()
	// In a process of its own: the peak memory of this process would count for
	// the processes that it measures.
	return measure.Quiet(ctx, b.self, "touch")
}
