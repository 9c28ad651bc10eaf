package tripleo

import (
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/fault"
)

// The files of a template tree that a request reads.
const (
	rolesInTree = "roles_data.yaml"
	baseInTree  = "environments/docker.yaml" // puts the services into containers
)

// A File is a file that a request reads.
type File struct {
	Kind string // environment, roles, template
	Path string
}

// InputFiles returns the files that the request reads, in that order. It leaves out
// paths that are empty because they are not known yet.
func (req Request) InputFiles() []File {
	var files []File
	add := func(kind, path string) {
		if path != "" {
			files = append(files, File{kind, path})
		}
	}
	if r, err := findRelease(req.Release); err == nil && r.baseRegistry != "" && req.Tree != "" {
		add("environment", filepath.Join(req.Tree, baseInTree))
	}
	for _, path := range req.Environments {
		add("environment", path)
	}
	add("roles", req.rolesPath())
	add("template", req.Template)
	return files
}

// Check reads a file and returns the mistakes in it, and the services that are probably
// misspelled. A template is not read: what it holds depends on the rest of the request.
func (f File) Check(open Open) error {
	var err error
	switch f.Kind {
	case "environment":
		_, err = ReadEnvironments(open, []string{f.Path})
	case "roles":
		_, err = readRoles(open, f.Path, func(string) {})
		err = inRolesFile(err)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	text, err := readFile(open, f.Path)
	if err != nil {
		return err
	}
	return f.misspelled(text)
}

// misspelled returns the services of the file that no release has, but one like them.
func (f File) misspelled(text string) error {
	found, err := MisspelledServices([]byte(text))
	errs := []error{err}
	for _, s := range found {
		err := Place{f.Path, s.Line, s.Col}.errorf("no release has a service %s", s.Name)
		errs = append(errs, fault.WithHint(fmt.Errorf("%s file %w", f.Kind, err), "did you mean "+s.Near+"?"))
	}
	return joinMistakes(f.Path, errs)
}

// inRolesFile says that mistakes are in the roles file.
func inRolesFile(err error) error {
	return fault.Each(err, func(err error) error { return fmt.Errorf("roles file %w", err) })
}

// rolesPath returns the path of the roles file, or "" for the built-in roles.
func (req Request) rolesPath() string {
	if req.RolesFile == "" && req.Tree != "" {
		return filepath.Join(req.Tree, rolesInTree)
	}
	return req.RolesFile
}

func (r release) rolesOf(req Request, env *Environment, open Open) ([]Role, error) {
	path := req.rolesPath()
	if path == "" {
		return defaultRoles(r.roles)
	}
	roles, err := readRoles(open, path, env.note)
	return roles, inRolesFile(err)
}
