package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/bayplan/bayplan/plan"
)

// CheckFiles reads the files that are there before a run, as FileChecker says, and
// returns the mistakes in them. A file that does not exist is not a mistake: it may be
// on another host.
func (g *Graph) CheckFiles(ctx context.Context) plan.Errors {
	var errs plan.Errors
	paths := map[*Node]Paths{}
	steps := map[*Node]Step{}
	for _, n := range g.Nodes {
		step := g.newStep(n)
		if len(n.Step.With.Decode(step, nil)) > 0 {
			continue
		}
		steps[n] = step
		if p, ok := step.(Pather); ok {
			paths[n] = p.Paths()
		}
	}
	for _, n := range g.Nodes {
		checker, ok := steps[n].(FileChecker)
		if !ok {
			continue
		}
		err := checker.CheckFiles(ctx, &ownFiles{Disk: &Disk{}, made: madeByOthers(n, paths)}, len(n.Step.With.Refs()) == 0)
		errs = append(errs, n.Step.With.Explain(errors.Join(existing(err)...))...)
	}
	_ = errs.Err() // sorts them
	return errs
}

// madeByOthers returns the files that other steps write, and the directories into which
// they write.
func madeByOthers(n *Node, paths map[*Node]Paths) []string {
	var made []string
	for other, p := range paths {
		if other != n {
			made = append(made, cleaned(slices.Concat(p.Writes, p.Into))...)
		}
	}
	return made
}

// existing returns the joined errors one by one, without those about files that do not
// exist.
func existing(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range many.Unwrap() {
			all = append(all, existing(one)...)
		}
		return all
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return []error{err}
}

// An ownFiles is a World of the files that no other step writes. All others do not
// exist in it, and neither does what is not a regular file: reading it may never end.
type ownFiles struct {
	*Disk
	made []string
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
	if slices.ContainsFunc(o.made, func(made string) bool { return within(path, made) }) {
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
