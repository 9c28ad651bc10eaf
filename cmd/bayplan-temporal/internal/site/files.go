package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
)

// ownDir is where the worker keeps its own files in the folder of a plan:
//
//	bundle   the plan as it travelled
//	files    the digest of the bundle whose files lie in the folder, and then their names
//	values/  the values of the variables, for --var-file
//	apply    the command that goes on here without the worker
const ownDir = ".worker"

// write makes the files of a run those of the plan's folder, and returns the plan file and the files
// of values. Files of an earlier run that are not in this one are deleted. In a second run of the same
// bundle the lock file stays: it may hold what steps of this site have looked up.
func (s *Site) write(b *request.Bundle) (file string, values []string, err error) {
	if err := b.Check(); err != nil {
		return "", nil, err
	}
	dir := s.dir(b.Plan)
	files, values, err := contents(b)
	if err != nil {
		return "", nil, err
	}
	list := filepath.Join(dir, ownDir, "files")
	names := slices.Sorted(maps.Keys(files))
	before := strings.Split(strings.TrimSuffix(read(list), "\n"), "\n")
	same := before[0] == b.Digest
	if !same {
		// What is in the folder from here on is that of no run, until all is written.
		all := slices.Concat(before[1:], names)
		slices.Sort(all)
		if err := put(list, lines("", slices.Compact(all))); err != nil {
			return "", nil, fmt.Errorf("write the files of the plan: %w", err)
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if same && name == lockfile.Of(b.File) && exists(path) {
			continue
		}
		if err := put(path, files[name]); err != nil {
			return "", nil, fmt.Errorf("write the files of the plan: %w", err)
		}
	}
	for _, name := range before[1:] {
		if _, ok := files[name]; ok || !filepath.IsLocal(name) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, fmt.Errorf("delete a file of the plan of before: %w", err)
		}
	}
	for i, name := range values {
		values[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return filepath.Join(dir, filepath.FromSlash(b.File)), values, put(list, lines(b.Digest, names))
}

func lines(first string, rest []string) []byte {
	return []byte(strings.Join(append([]string{first}, rest...), "\n") + "\n")
}

// contents returns the files of a bundle by their names, and among them the files of values, those
// that count last at the end: as in a run by hand, those of the environment, then those of files, then
// those of --var.
func contents(b *request.Bundle) (files map[string][]byte, values []string, err error) {
	files = maps.Clone(b.Files)
	for name := range files {
		if first, _, _ := strings.Cut(name, "/"); first == ownDir || strings.Contains(name, "\n") {
			return nil, nil, fmt.Errorf("the run has a file %q, and %s is the worker's own folder", name, ownDir)
		}
	}
	environ := map[string]string{}
	for _, entry := range b.Environ {
		name, value, _ := strings.Cut(entry, "=")
		environ[strings.TrimPrefix(name, "BAYPLAN_VAR_")] = value
	}
	add := func(name string, of map[string]string) {
		data, bad := json.MarshalIndent(of, "", "  ")
		err = errors.Join(err, bad)
		name = ownDir + "/values/" + name
		files[name], values = append(data, '\n'), append(values, name)
	}
	if len(environ) > 0 {
		add("environment.json", environ)
	}
	values = append(values, b.VarFiles...)
	if len(b.Vars) > 0 {
		add("vars.json", b.Vars)
	}
	return files, values, err
}

// writeCommand writes the command that does the steps of this site without the worker, and tells
// people of it.
func (s *Site) writeCommand(open *session, file string, values []string) error {
	line := "bayplan apply"
	add := func(flag string, values ...string) {
		for _, value := range values {
			line += " " + flag + " " + human.ShellWord(value)
		}
	}
	add("-f", file)
	add("--var-file", values...)
	if open.bundle.Locked {
		line += " --locked"
	}
	if s.Connections != "" {
		add("--connections", s.Connections)
	}
	if s.StateDir != "" {
		add("--state-dir", s.StateDir)
	}
	add("--only", s.own(open.loaded.Graph)...)
	command := filepath.Join(s.dir(open.bundle.Plan), ownDir, "apply")
	if err := put(command, []byte(line+" \"$@\"\n")); err != nil {
		return fmt.Errorf("write the command of the plan: %w", err)
	}
	s.tellOnce(fmt.Sprintf("plan %s: without this worker the site goes on by: sh %s", open.bundle.Plan, human.ShellWord(command)))
	return nil
}

func read(file string) string {
	b, _ := os.ReadFile(file) // without it all files are written
	return string(b)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// put writes a file whose content is another.
func put(file string, data []byte) error {
	if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, data) {
		return nil
	}
	if _, err := durable.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return durable.WriteBytes(file, 0o600, data)
}

// Lock makes this worker the only one that works in its folder. Close of the file ends that, and so
// does the end of the process.
func (s *Site) Lock() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, ".worker.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		other := human.Clean(strings.TrimSpace(read(f.Name())))
		err = fault.WithHint(fmt.Errorf("a worker of site %s already runs in %s", other, s.Dir),
			"stop it, or give this one another folder with --dir: plans and their states in one folder are those of one site")
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(s.Name+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
