package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/plan"
)

// CheckFiles reads the files that are there before a run, as FileChecker says, and
// returns the mistakes in them, also for steps that are off. A file that does not exist is not
// a mistake: it may be on another host. Neither is one that foreign, if not nil, says not to read.
func (g *Graph) CheckFiles(ctx context.Context, foreign func(path string) bool) plan.Errors {
	c := newChecker(g.Plan, nil)
	steps, made := map[*Node]Step{}, map[string][]*Node{}
	nodes := slices.Concat(g.Nodes, g.off)
	for _, n := range nodes {
		step := g.newStep(n)
		if len(n.Step.With.Decode(step, nil)) > 0 {
			continue
		}
		steps[n] = step
		if p, ok := step.(Pather); ok {
			paths := p.Paths()
			for _, path := range cleaned(slices.Concat(paths.Writes, paths.Into)) {
				made[path] = append(made[path], n)
			}
		}
	}
	for _, n := range nodes {
		checker, ok := steps[n].(FileChecker)
		if !ok {
			continue
		}
		err := checker.CheckFiles(ctx, &ownFiles{Disk: &Disk{}, node: n, made: made, foreign: foreign}, len(n.Step.With.Refs()) == 0)
		for _, e := range n.Step.With.Explain(errors.Join(existing(err)...)) {
			c.add(n.Step, e)
		}
	}
	c.errs.Sort()
	return c.errs
}

// existing returns the joined errors one by one, without those about files that do not
// exist.
func existing(err error) []error {
	return slices.DeleteFunc(fault.Joined(err), func(err error) bool {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	})
}

// An ownFiles is a World of the files that no other step writes. All others do not
// exist in it, and neither does what is foreign or not a regular file: reading it may never end.
type ownFiles struct {
	*Disk
	node *Node
	made map[string][]*Node // files that steps write, and directories into which they write

	foreign func(path string) bool // what is not read; nil: nothing
}

// madeByOther reports whether a step other than the node makes the file at a path.
func (o *ownFiles) madeByOther(path string) bool {
	for dir := range pathindex.Upwards(path) {
		if slices.ContainsFunc(o.made[dir], func(n *Node) bool { return n != o.node }) {
			return true
		}
	}
	return false
}

// Open implements World.
func (o *ownFiles) Open(path string) (io.ReadCloser, error) {
	fi, err := o.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return o.Disk.Open(path)
}

// Stat implements World.
func (o *ownFiles) Stat(path string) (fs.FileInfo, error) {
	if o.madeByOther(filepath.Clean(path)) || o.foreign != nil && o.foreign(path) {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return o.Disk.Stat(path)
}

// Sum implements World.
func (o *ownFiles) Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error) {
	if _, err := o.Stat(path); err != nil {
		return nil, err
	}
	return o.Disk.Sum(ctx, path, algos...)
}
