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
	"github.com/bayplan/bayplan/steps/internal/imagelist"
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
	paths := runner.Paths{Reads: setting.Paths(slices.Concat(p.EnvironmentDirectories, p.Images.Files()))}
	for _, file := range request.InputFiles() {
		paths.Reads = append(paths.Reads, file.Path)
	}
	for _, path := range []plan.Path{p.EnvFile, p.ImagesFile} {
		if path != "" {
			paths.Writes = append(paths.Writes, string(path))
		}
	}
	paths.Asks = []runner.Server{{Kind: runner.RegistryServer}} // an environment may say to look up tags
	if host, _, _ := strings.Cut(p.PushDestination, "/"); host != "" {
		paths.Asks = append(paths.Asks, runner.Server{Kind: runner.RegistryServer, Hosts: []string{host}, Field: "push_destination", Named: true})
	}
	if p.TagFromLabel == "" && !p.Digests && p.Format != "openstack-version" {
		return paths
	}
	paths.Looks = p.Images.SourcePlaces()
	paths.Asks = append(paths.Asks, p.Images.Servers("images", imagelist.HasDigest)...)
	if host, path, ok := strings.Cut(strings.TrimRight(p.Namespace, "/"), "/"); ok {
		paths.Looks = append(paths.Looks, imagelist.Place(host, path+"/*"))
		paths.Asks = append(paths.Asks, runner.Server{Kind: runner.RegistryServer, Hosts: []string{host}, Field: "namespace"})
	}
	return paths
}

// environments gives the files of the environment directories, followed by the
// environments of the plan.
func (p *prepare) environments(w runner.World) ([]string, error) {
	var all []string
	own := setting.Paths([]plan.Path{p.EnvFile, p.ImagesFile})
	for _, dir := range setting.Paths(p.EnvironmentDirectories) {
		names, err := w.ReadDir(dir)
		if err != nil {
			return nil, unreadableDir(dir, err, w)
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

// fileInputs gives the digests of the files that a request reads. It reports all
// files that cannot be read.
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
			return nil, unreadable(file.Kind, file.Path, err, w)
		}
		inputs = append(inputs, runner.Input{Name: file.Kind + " " + file.Path, Digest: "sha256:" + sums[runner.SHA256]})
	}
	return inputs, errors.Join(errs...)
}

// checkFile refuses a directory. The tool that this step replaces reads all files of a
// directory there.
func checkFile(file tripleo.File, w runner.World) error {
	fi, err := w.Stat(file.Path)
	if err != nil {
		return unreadable(file.Kind, file.Path, err, w)
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

// unreadableDir adds to an error which environment directory could not be read, and
// suggests a similar path.
func unreadableDir(dir string, err error, w runner.World) error {
	return withSimilarPath(hostfiles.FileError("environment directory "+dir, err), dir, w)
}

// unreadable adds to an error which file could not be read, and suggests a similar
// path.
func unreadable(what, path string, err error, w runner.World) error {
	return withSimilarPath(hostfiles.Unreadable(what, path, err), path, w)
}

// withSimilarPath adds a similar path that exists to an error about one that does not.
func withSimilarPath(err error, path string, w runner.World) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if similar := similarPath(path, w); similar != "" {
		return fault.WithHint(err, "did you mean "+similar+"?")
	}
	return err
}

// similarPath finds an existing path that differs in one name, "" for none. It looks
// in the deepest directory that exists for a similar name.
func similarPath(path string, w runner.World) string {
	dir, name := filepath.Split(filepath.Clean(path))
	dir = filepath.Clean(dir)
	if dir == filepath.Clean(path) {
		return ""
	}
	names, err := w.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if similar := similarPath(dir, w); similar != "" {
			if _, err := w.Stat(filepath.Join(similar, name)); err == nil {
				return filepath.Join(similar, name)
			}
		}
		return ""
	}
	if similar := human.Suggest(name, names); err == nil && similar != "" {
		return filepath.Join(dir, similar)
	}
	return ""
}
