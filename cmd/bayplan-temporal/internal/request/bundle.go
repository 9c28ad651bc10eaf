package request

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/environ"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/redact/secretlines"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// maxList is how large a file may be that steps read and that goes to the sites: it is a list or
// an environment, and not an image.
const maxList = 1 << 20

// A Bundle is a plan as it travels: its files and the values of its variables.
type Bundle struct {
	File     string            `json:"file"`                // the plan file, a path in Files
	Files    map[string][]byte `json:"files"`               // by relative path
	Vars     map[string]string `json:"vars,omitempty"`      // of --var
	VarFiles []string          `json:"var_files,omitempty"` // paths in Files
	Environ  []string          `json:"environ,omitempty"`   // the variables that set those of plans
}

// environPrefix begins the names of the environment variables that set those of plans.
const environPrefix = "BAYPLAN_VAR_"

// valuesDir is where the files of values lie in a Bundle.
const valuesDir = ".values"

// A collector collects the files of a plan.
type collector struct {
	root  string
	files map[string][]byte
}

// collect makes the Bundle of a plan that was read from the files opened, the plan file first.
func collect(p *plan.Plan, opened []string, o plan.Options, types runner.Types) (Bundle, error) {
	c := &collector{root: p.Dir, files: map[string][]byte{}}
	for _, file := range opened {
		for !within(c.root, file) {
			c.root = filepath.Dir(c.root)
		}
	}
	b := Bundle{Files: c.files, Vars: o.Vars, Environ: valuesOf(o.Environ, p.Vars)}
	if err := checkSecrets(b, p); err != nil {
		return b, err
	}
	var errs []error
	for _, file := range opened {
		errs = append(errs, c.add(file))
	}
	errs = append(errs, existing(c.add(lockfile.Of(p.File))))
	for _, file := range listsOf(p, types) {
		errs = append(errs, c.addList(file))
	}
	for i, file := range o.VarFiles {
		name := fmt.Sprintf("%s/%d%s", valuesDir, i+1, filepath.Ext(file))
		data, err := os.ReadFile(file)
		if err == nil && len(secretlines.Of(strings.Split(string(data), "\n"))) > 0 {
			err = fault.WithHint(fmt.Errorf("%s would travel with the plan, and it has values that may be secret, by their names or in URLs", file), "name them under secrets: each worker reads its own")
		}
		c.files[name], b.VarFiles, errs = data, append(b.VarFiles, name), append(errs, err)
	}
	b.File = c.name(p.File)
	return b, errors.Join(errs...)
}

// checkSecrets refuses values from outside that are secrets by their names: they would travel.
func checkSecrets(b Bundle, p *plan.Plan) error {
	outside := map[string]bool{}
	for name := range b.Vars {
		outside[name] = true
	}
	for _, entry := range b.Environ {
		name, _, _ := strings.Cut(entry, "=")
		outside[strings.TrimPrefix(name, environPrefix)] = true
	}
	for _, name := range p.Vars {
		if outside[name] && redact.SecretName(name) {
			return fault.WithHint(fmt.Errorf("the variable %q would travel with the plan, and its name says that it is a secret", name),
				"name it under secrets: each worker reads its own")
		}
	}
	return nil
}

// valuesOf returns the variables of an environment that set those of a plan. Others stay.
func valuesOf(env, declared []string) []string {
	var values []string
	for _, entry := range env {
		name, _, ok := strings.Cut(entry, "=")
		if variable, of := strings.CutPrefix(name, environPrefix); ok && of && slices.Contains(declared, variable) {
			values = append(values, name+"="+environ.Variables(env).Get(name))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

func within(dir, file string) bool {
	return dir == "/" || file == dir || strings.HasPrefix(file, dir+"/")
}

func (c *collector) name(file string) string {
	name, err := filepath.Rel(c.root, file)
	if err != nil {
		return file
	}
	return filepath.ToSlash(name)
}

func (c *collector) add(file string) error {
	data, err := os.ReadFile(file)
	if err == nil {
		c.files[c.name(file)] = data
	}
	return err
}

// addList adds a file that a step reads, if it is there and of a size that travels. A private key
// stays.
func (c *collector) addList(file string) error {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxList {
		return existing(err)
	}
	data, err := os.ReadFile(file)
	if err == nil && !bytes.Contains(data, []byte("PRIVATE KEY")) && !bytes.Contains(data, []byte("secret key")) {
		c.files[c.name(file)] = data
	}
	return err
}

// existing drops the error of a file that does not exist: it may be at the sites.
func existing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// listsOf returns the files in the plan's folder that steps read and that no step writes.
func listsOf(p *plan.Plan, types runner.Types) []string {
	var read, written []string
	for _, paths := range runner.PathsOf(p, types) {
		read = append(read, paths.Reads...)
		written = append(append(written, paths.Writes...), paths.Into...)
		for _, place := range append(paths.Fills, paths.Looks...) {
			read = append(read, place.Lists...)
		}
	}
	var lists []string
	for _, file := range read {
		file = filepath.Clean(file)
		made := slices.ContainsFunc(written, func(path string) bool { return path != "" && within(filepath.Clean(path), file) })
		if file != "." && within(p.Dir, file) && !made {
			lists = append(lists, file)
		}
	}
	slices.Sort(lists)
	return slices.Compact(lists)
}

// largest returns the name and the size of the largest file.
func (b Bundle) largest() (name string, size int) {
	for file, data := range b.Files {
		if len(data) > size || len(data) == size && file < name {
			name, size = file, len(data)
		}
	}
	return name, size
}

// Check refuses names of files that would leave the plan's folder, and a name of the plan that would
// leave the folder of plans.
func (r *Run) Check() error {
	b := r.Bundle
	if r.Plan != filepath.Base(r.Plan) || !filepath.IsLocal(r.Plan) || r.Plan == "." {
		return fmt.Errorf("the run has a plan named %q, which is no name of a folder", r.Plan)
	}
	for name := range b.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("the run has a file %q outside of the plan's folder", name)
		}
	}
	if _, ok := b.Files[b.File]; !ok {
		return fmt.Errorf("the run has no plan file %q", b.File)
	}
	return nil
}
