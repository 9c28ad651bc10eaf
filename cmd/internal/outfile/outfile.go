// Package outfile is for the files that flags have written: it refuses, before anything is run,
// those that cannot be written and those that would take the place of what a command reads, or of
// what it makes. It writes nothing.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/hostdisk"
)

// Files are the files that a command is to write, and those that it must not.
type Files struct {
	outputs   []output
	protected []string // absolute
	dirs      []dir
}

// A dir is a directory in which nothing may be written.
type dir struct{ path, why string }

// An output is a file that a flag names.
type output struct{ flag, file string }

// Add adds the file that a flag names, "" for none.
func (f *Files) Add(flag, file string) {
	if file != "" {
		f.outputs = append(f.outputs, output{flag, file})
	}
}

// None reports whether no file is to be written.
func (f *Files) None() bool { return len(f.outputs) == 0 }

// Protect keeps files from being written. A file need not be there.
func (f *Files) Protect(files ...string) { f.protected = append(f.protected, absolute(files)...) }

// ProtectDir keeps all files below directories that hold the state from being written. A
// directory need not be there.
func (f *Files) ProtectDir(dirs ...string) { f.ProtectDirs("which holds the state", dirs...) }

// ProtectDirs keeps all files below directories from being written. why says what the directories
// are.
func (f *Files) ProtectDirs(why string, dirs ...string) {
	for _, path := range absolute(dirs) {
		f.dirs = append(f.dirs, dir{path, why})
	}
}

func absolute(files []string) []string {
	var all []string
	for _, file := range files {
		if abs, err := filepath.Abs(file); err == nil && file != "" {
			all = append(all, abs)
		}
	}
	return all
}

// Check returns an error for each of the files that must not or cannot be written, joined.
func (f *Files) Check() error {
	var errs []error
	for i, o := range f.outputs {
		err := f.check(o.file)
		for _, other := range f.outputs[:i] {
			if err == nil && same(o.file, other.file) {
				err = fmt.Errorf("it is the file of --%s, too", other.flag)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s %s: %w", o.flag, o.file, err))
		}
	}
	return errors.Join(errs...)
}

func (f *Files) check(file string) error {
	if file == "-" { // other programs mean standard output by it
		return errors.New("a file is wanted; one of this very name is ./-")
	}
	for _, p := range f.protected {
		if same(file, p) {
			return errors.New("the command reads or makes this file, and would overwrite it")
		}
	}
	for _, dir := range f.dirs {
		if below(file, dir.path) {
			return fmt.Errorf("it lies in %s, %s", dir.path, dir.why)
		}
	}
	dir, err := os.Stat(filepath.Dir(file))
	if err == nil && !dir.IsDir() {
		err = errors.New("its directory is none")
	}
	if err != nil {
		return err
	}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	}
	return nil
}

// same reports whether two paths name one file, also where neither is there.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return hostdisk.Resolve(a) == hostdisk.Resolve(b)
}

// below reports whether a file lies below a directory.
func below(file, dir string) bool {
	rel, err := filepath.Rel(hostdisk.Resolve(dir), hostdisk.Resolve(file))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
