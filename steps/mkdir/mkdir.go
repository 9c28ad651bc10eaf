// Package mkdir is the step type mkdir, which makes directories.
package mkdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// mkdir makes directories, with their missing parents.
type mkdir struct {
	// Directories to make, with their missing parents. One that is there already is fine; anything
	// else in the way is an error.
	Dirs []plan.Path `json:"paths"`
	// Permissions of the directories named, as four octal digits in quotes: "0755". Left out, new
	// ones get 0755 and those that are there keep theirs.
	Mode string `json:"mode,omitempty" jsonschema:"pattern=^0[0-7]{3}$"`
}

// Type gives the step type mkdir.
func Type() runner.Type {
	return runner.Type{
		Name:    "mkdir",
		Outputs: []runner.Output{{Name: "paths", Doc: "The directories, absolute, in the order of the plan.", List: true, Made: true, Local: true}},
		New:     func() runner.Step { return &mkdir{} },
	}
}

// Validate implements runner.Validator.
func (m *mkdir) Validate() error {
	var errs []error
	if m.Dirs != nil && len(m.Dirs) == 0 {
		errs = append(errs, plan.At("paths", errors.New("names no directory")))
	}
	seen := map[string]bool{}
	for i, dir := range m.Dirs {
		clean := filepath.Clean(string(dir))
		if dir != "" && seen[clean] {
			errs = append(errs, plan.At(fmt.Sprintf("paths[%d]", i), fmt.Errorf("%s is named twice", clean)))
		}
		seen[clean] = true
	}
	errs = append(errs, plan.At("mode", setting.CheckMode(m.Mode)))
	return errors.Join(errs...)
}

// Paths implements runner.Pather.
func (m *mkdir) Paths() runner.Paths { return runner.Paths{Makes: setting.Paths(m.Dirs)} }

// Inputs gives none: nothing but the configuration decides the result.
func (m *mkdir) Inputs(context.Context, runner.World) ([]runner.Input, error) { return nil, nil }

// Diff finds the directories that are missing or have another mode.
func (m *mkdir) Diff(_ context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	c := &runner.Change{Apply: m.apply}
	planned := map[string]bool{}
	var errs []error
	for _, dir := range setting.Paths(m.Dirs) {
		missing, err := hostfiles.MissingDirs(w, dir)
		if err != nil {
			// All directories below one that cannot be made give the same error.
			if !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
				errs = append(errs, err)
			}
			continue
		}
		if len(missing) > 0 {
			c.Items = append(c.Items, runner.Item{Op: runner.Create, What: "directory", Name: dir})
		} else if it, err := m.diffMode(w, dir); err != nil {
			errs = append(errs, err)
		} else if it != nil {
			c.Items = append(c.Items, *it)
			missing = []string{dir} // it is planned with its new mode
		}
		for _, d := range missing {
			if !planned[d] {
				planned[d] = true
				c.Files = append(c.Files, hostfiles.PlannedDir(d, m.modeOf(d)))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	f := &runner.Finding{Outputs: m.outputs()}
	if len(c.Items) > 0 {
		c.Summary = human.Count(len(c.Items), "directory", "directories")
		f.Change = c
	}
	return f, nil
}

// diffMode compares the mode of an existing directory with the mode in the plan.
// It gives nil when they are equal or the plan sets none.
func (m *mkdir) diffMode(w runner.World, dir string) (*runner.Item, error) {
	if m.Mode == "" {
		return nil, nil
	}
	fi, err := w.Stat(dir)
	if err != nil || fi.Mode().Perm() == m.mode() {
		return nil, err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && os.Geteuid() != 0 && int(st.Uid) != os.Geteuid() {
		err := fmt.Errorf("%s has mode %04o, and only its owner can give it %s", dir, fi.Mode().Perm(), m.Mode)
		return nil, fault.WithHint(err, "run as its owner, or leave mode out of the plan")
	}
	note := fmt.Sprintf("mode %04o, was %04o", m.mode(), fi.Mode().Perm())
	return &runner.Item{Op: runner.Update, What: "directory", Name: dir, Note: note}, nil
}

// apply makes all directories and leaves existing ones as they are, except for the
// mode.
func (m *mkdir) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	for _, dir := range setting.Paths(m.Dirs) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		made, err := durable.MkdirAll(dir, 0o755)
		if err != nil {
			return nil, err
		}
		changed, err := m.chmod(dir)
		if err != nil {
			return nil, err
		}
		switch {
		case len(made) > 0:
			p.Done(runner.Item{Op: runner.Create, What: "directory", Name: dir})
		case changed:
			p.Done(runner.Item{Op: runner.Update, What: "directory", Name: dir})
		}
	}
	return nil, nil
}

// chmod gives a directory the mode of the plan, whatever the umask is.
func (m *mkdir) chmod(dir string) (changed bool, err error) {
	if m.Mode == "" {
		return false, nil
	}
	fi, err := os.Stat(dir)
	if err != nil || fi.Mode().Perm() == m.mode() {
		return false, err
	}
	// The plan does not set these bits, and Chmod without them would clear them.
	special := fi.Mode() & (fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	return true, os.Chmod(dir, m.mode()|special)
}

// Verify checks that all directories exist and have the mode of the plan.
func (m *mkdir) Verify(_ context.Context, w runner.World) (runner.Outputs, error) {
	var errs []error
	for _, dir := range setting.Paths(m.Dirs) {
		switch fi, err := w.Stat(dir); {
		case err != nil:
			errs = append(errs, err)
		case !fi.IsDir():
			errs = append(errs, fmt.Errorf("%s is not a directory", dir))
		case m.Mode != "" && fi.Mode().Perm() != m.mode():
			errs = append(errs, fmt.Errorf("%s has mode %04o, not %s", dir, fi.Mode().Perm(), m.Mode))
		}
	}
	return m.outputs(), errors.Join(errs...)
}

func (m *mkdir) outputs() runner.Outputs {
	return runner.Outputs{"paths": plan.List(setting.Paths(m.Dirs)...)}
}

// mode gives the mode that the plan sets, or the usual one.
func (m *mkdir) mode() fs.FileMode { return setting.Mode(m.Mode, 0o755) }

// modeOf gives the mode that a directory will have. The plan's mode is only for the
// directories that it names, and missing parents get the usual one.
func (m *mkdir) modeOf(dir string) fs.FileMode {
	for _, d := range setting.Paths(m.Dirs) {
		if d == dir {
			return m.mode()
		}
	}
	return 0o755
}
