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

// A Bundle is a plan as it travels: its files, the values of its variables and how a site reads
// it. It holds no secrets.
type Bundle struct {
	Digest string `json:"-"` // of the packed Bundle, once it is packed or opened

	Plan   string `json:"plan"`             // the plan's name
	Centre string `json:"centre"`           // the site of steps that name none
	Locked bool   `json:"locked,omitempty"` // a tag that is not in the lock file is an error

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
	read  []openedFile // by the loader, the plan file first
	root  string
	files map[string][]byte
}

// An openedFile is a file that the loader has read. It is not read again: it may be a pipe, and
// another text may be there.
type openedFile struct {
	path string
	text []byte
}

func (c *collector) opened(path string, text []byte) {
	c.read = append(c.read, openedFile{path, text})
}

// collect makes the Bundle of the plan that was read.
func (c *collector) collect(p *plan.Plan, o Options, types runner.Types) (*Bundle, error) {
	c.root, c.files = p.Dir, map[string][]byte{}
	b := &Bundle{
		Plan: p.Name, Centre: o.Centre, Locked: o.Locked,
		Files: c.files, Vars: o.Values.Vars, Environ: valuesOf(o.Values.Environ, p.Vars),
	}
	if err := checkSecrets(b, p); err != nil {
		return nil, err
	}
	var errs []error
	files := map[string][]byte{}
	for _, f := range c.read {
		abs, err := filepath.Abs(f.path)
		switch {
		case err != nil:
			errs = append(errs, err)
		case slices.Contains(o.Values.VarFiles, f.path):
			errs = append(errs, c.addValues(b, f))
		default:
			files[abs] = f.text
			for !within(c.root, abs) {
				c.root = filepath.Dir(c.root)
			}
		}
	}
	for abs, text := range files {
		c.files[c.name(abs)] = text
	}
	errs = append(errs, existing(c.add(lockfile.Of(p.File))))
	for _, file := range listsOf(p, types) {
		errs = append(errs, c.addList(file))
	}
	b.File = c.name(p.File)
	return b, errors.Join(errs...)
}

// addValues adds a file of values, and refuses one that carries secrets away.
func (c *collector) addValues(b *Bundle, f openedFile) error {
	if len(secretlines.Of(strings.Split(string(f.text), "\n"))) > 0 {
		return fault.WithHint(fmt.Errorf("%s would travel with the plan, and it has values that may be secret, by their names or in URLs", f.path), "name them under secrets: each worker reads its own")
	}
	name := fmt.Sprintf("%s/%d%s", valuesDir, len(b.VarFiles)+1, filepath.Ext(f.path))
	c.files[name], b.VarFiles = f.text, append(b.VarFiles, name)
	return nil
}

// checkSecrets refuses values from outside that are secrets by their names: they would travel.
func checkSecrets(b *Bundle, p *plan.Plan) error {
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

// add adds a file beside the plan.
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
func (b *Bundle) largest() (name string, size int) {
	for file, data := range b.Files {
		if len(data) > size || len(data) == size && file < name {
			name, size = file, len(data)
		}
	}
	return name, size
}

// Check refuses names of files that would leave the plan's folder, and a name of the plan that would
// leave the folder of plans.
func (b *Bundle) Check() error {
	if b.Plan != filepath.Base(b.Plan) || !filepath.IsLocal(b.Plan) || b.Plan == "." {
		return fmt.Errorf("the run has a plan named %q, which is not a name of a folder", b.Plan)
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
