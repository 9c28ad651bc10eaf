// Package behind finds the files behind a plan: those that its connections and steps read and that
// no step makes, also steps that are off. It tells what is another in them than in those of a base.
// It knows no step type.
package behind

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// A Plan is what is known of a plan. The zero Plan is one that is not there.
type Plan struct {
	Root    *places.Root
	In      places.Folder
	On, Off []runner.Touched
	Files   []connections.File // of its connections
}

// A Comparison is what is another in the files of a plan than in those of its base.
type Comparison struct {
	Changes []document.PlanChange
	Notes   []string // what is not known

	base, now Plan
	show      func(string) string
}

// Compare compares the files of two plans. clouds are those behind the clouds of the present plan, by
// paths that it means. show makes a text one that may be shown.
func Compare(base, now Plan, clouds []connections.File, show func(string) string) *Comparison {
	c := &Comparison{base: base, now: now, show: show}
	before, is := base.readers(), now.readers()
	lists := now.lists()
	told := map[string]bool{}
	for _, one := range is {
		for _, file := range one.files {
			if !told[file] && !lists[file] && reads(before, file) {
				c.content(base.In.OnDisk(file), file, one.name)
			}
			told[file] = true
		}
	}
	for _, one := range c.behindClouds(before, is, clouds) {
		if !told[one.Path] {
			c.content(base.In.Was(one.Path), one.Path, one.Setting)
		}
		told[one.Path] = true
	}
	c.moved(before, is)
	c.lists(before, is, lists)
	return c
}

// A reader is a setting of a connection, or a step, with the files that it reads as the plan
// means them.
type reader struct {
	name  string
	dir   string // of the plan's file, "" for a connection
	files []string
}

func reads(all []reader, file string) bool {
	return slices.ContainsFunc(all, func(r reader) bool { return slices.Contains(r.files, file) })
}

// real gives the path that a plan means by one of the world.
func (p *Plan) real(path string) string { return p.In.Real(p.Root.Real(path)) }

// readers gives who reads files that no step makes, in the order of the plan.
func (p *Plan) readers() []reader {
	made := map[string]bool{}
	for _, s := range p.On {
		for _, path := range s.Writes {
			made[p.real(path)] = true
		}
	}
	var all []reader
	add := func(one reader, paths ...string) {
		for _, path := range paths {
			if file := p.real(path); !made[file] {
				one.files = append(one.files, file)
			}
		}
		all = append(all, one)
	}
	for _, f := range p.Files {
		add(reader{name: f.Setting}, f.Path)
	}
	for _, s := range slices.Concat(p.On, p.Off) {
		add(reader{name: "steps." + s.Node.ID(), dir: p.real(s.Node.Step.With.Dir())}, s.Reads...)
	}
	return all
}

// moved tells of the files that a setting or a step reads in the place of others: what is
// written in the plan may be the same, and relative to another directory.
func (c *Comparison) moved(before, is []reader) {
	for _, one := range is {
		old := filesOf(before, one.name)
		was := review.Without(old, one.files)
		for i, file := range review.Without(one.files, old) {
			if i < len(was) {
				c.change(runner.Update, file, fmt.Sprintf("%s reads it in the place of %s", one.name, was[i]))
			}
		}
	}
}

// filesOf gives the files of one reader.
func filesOf(all []reader, name string) []string {
	if i := slices.IndexFunc(all, func(r reader) bool { return r.name == name }); i >= 0 {
		return all[i].files
	}
	return nil
}

func (c *Comparison) change(op runner.Op, file, note string) {
	c.Changes = append(c.Changes, document.PlanChange{Op: op, File: file, Note: note})
}

// content tells whether a file, or a file below a directory, has another content than the one at a
// path was.
func (c *Comparison) content(was, file, by string) {
	same, err := revision.SameContent(was, file)
	if err == nil && same {
		same, err = c.directory(was, file, by)
	}
	switch {
	case err != nil:
		c.Notes = append(c.Notes, file+": whether its content is another is not known: "+c.show(err.Error())+"; "+by+" reads it")
	case !same:
		c.change(runner.Update, file, "its content is another; "+by+" reads it")
	}
}

// mostBelow is how many changed files below a directory have a line of their own.
const mostBelow = 20

// directory tells which files below two directories are others. It gives true, unless there are so many that
// it is told of the directory alone.
func (c *Comparison) directory(was, dir, by string) (bool, error) {
	if was == dir {
		return true, nil
	}
	names, err := filesBelow(was, dir)
	if err != nil {
		return false, err
	}
	var changes []document.PlanChange
	for _, name := range names {
		file := filepath.Join(dir, name)
		same, err := revision.SameContent(filepath.Join(was, name), file)
		switch {
		case err != nil:
			return false, fmt.Errorf("%s: %w", file, err)
		case !same:
			changes = append(changes, document.PlanChange{Op: runner.Update, File: file, Note: "its content is another; " + by + " reads it"})
		}
	}
	if len(changes) > mostBelow {
		return false, nil
	}
	c.Changes = append(c.Changes, changes...)
	return true, nil
}
