package tripleo

import (
	"fmt"
	"path/filepath"
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

// Check reads a file and returns the mistakes in it. A template is not read: what it
// holds depends on the rest of the request.
func (f File) Check(open Open) error {
	var err error
	switch f.Kind {
	case "environment":
		_, err = ReadEnvironments(open, []string{f.Path})
	case "roles":
		if _, err = readRoles(open, f.Path, func(string) {}); err != nil {
			err = fmt.Errorf("roles file %w", err)
		}
	}
	return err
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
	if err != nil {
		return nil, fmt.Errorf("roles file %w", err)
	}
	return roles, nil
}
