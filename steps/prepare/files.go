package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// Paths implements runner.Pather.
func (p *prepare) Paths() runner.Paths {
	request := tripleo.Request{
		Release:      p.Release,
		Environments: setting.Paths(p.Environments),
		RolesFile:    string(p.RolesFile),
		Tree:         string(p.Tree),
		Template:     string(p.Template),
	}
	paths := runner.Paths{Reads: setting.Paths(append(slices.Clone(p.EnvironmentDirectories), p.Images.Text))}
	for _, file := range request.InputFiles() {
		paths.Reads = append(paths.Reads, file.Path)
	}
	for _, path := range []plan.Path{p.EnvFile, p.ImagesFile} {
		if path != "" {
			paths.Writes = append(paths.Writes, string(path))
		}
	}
	return paths
}

// environments gives the files of the environment directories, and the
// environments themselves.
func (p *prepare) environments(w runner.World) ([]string, error) {
	var all []string
	own := setting.Paths([]plan.Path{p.EnvFile, p.ImagesFile})
	for _, dir := range setting.Paths(p.EnvironmentDirectories) {
		names, err := w.ReadDir(dir)
		if err != nil {
			return nil, noDirectory(dir, err, w)
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if strings.HasPrefix(name, ".") || filepath.Ext(name) != ".yaml" || slices.Contains(own, path) {
				continue
			}
			if fi, err := w.Stat(path); err != nil || !fi.IsDir() {
				all = append(all, path)
			}
		}
	}
	return append(all, setting.Paths(p.Environments)...), nil
}

// fileInputs gives the digests of the files that a request reads. All that
// cannot be read are told at once.
func fileInputs(ctx context.Context, w runner.World, request tripleo.Request) ([]runner.Input, error) {
	var inputs []runner.Input
	var errs []error
	for _, file := range request.InputFiles() {
		if err := checkFile(file, w); err != nil {
			errs = append(errs, err)
			continue
		}
		sums, err := w.Sum(ctx, file.Path, runner.SHA256)
		if err != nil {
			return nil, notRead(file.Kind, file.Path, err, w)
		}
		inputs = append(inputs, runner.Input{Name: file.Kind + " " + file.Path, Digest: "sha256:" + sums[runner.SHA256]})
	}
	return inputs, errors.Join(errs...)
}

// checkFile refuses a directory, of which the old tool read all files.
func checkFile(file tripleo.File, w runner.World) error {
	fi, err := w.Stat(file.Path)
	if err != nil {
		return notRead(file.Kind, file.Path, err, w)
	}
	if fi.IsDir() {
		err := fmt.Errorf("%s file %s: it is a directory", file.Kind, file.Path)
		if file.Kind == "environment" {
			return fault.WithHint(err, "name it under environment_directories, or the files that are in it, in their order")
		}
		return err
	}
	return nil
}

// noDirectory says which environment directory could not be read.
func noDirectory(dir string, err error, w runner.World) error {
	return withNear(hostfiles.FileError("environment directory "+dir, err), dir, w)
}

// notRead is unreadable, with what is there of nearly the same name.
func notRead(what, path string, err error, w runner.World) error {
	return withNear(hostfiles.Unreadable(what, path, err), path, w)
}

// withNear adds to an error about a path that is not there what is there of
// nearly the same name.
func withNear(err error, path string, w runner.World) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if near := nearPath(path, w); near != "" {
		return fault.WithHint(err, "did you mean "+near+"?")
	}
	return err
}

// nearPath finds what there is of nearly the same path: the deepest directory
// that is there, and in it what is called nearly the same.
func nearPath(path string, w runner.World) string {
	dir, name := filepath.Split(filepath.Clean(path))
	dir = filepath.Clean(dir)
	if dir == filepath.Clean(path) {
		return ""
	}
	names, err := w.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if near := nearPath(dir, w); near != "" {
			if _, err := w.Stat(filepath.Join(near, name)); err == nil {
				return filepath.Join(near, name)
			}
		}
		return ""
	}
	if near := human.Suggest(name, names); err == nil && near != "" {
		return filepath.Join(dir, near)
	}
	return ""
}

// hinted adds to an error about a name in a file what may have been meant.
func hinted(err error) error {
	var unknown *tripleo.UnknownError
	if errors.As(err, &unknown) && fault.Hint(err) == "" {
		return fault.WithHint(err, human.DidYouMean(unknown.Got, unknown.Known))
	}
	return err
}
