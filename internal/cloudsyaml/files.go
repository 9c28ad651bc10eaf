package cloudsyaml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// searchPath are the directories in which the openstack command looks for its files.
func searchPath() []string {
	var dirs []string
	if here, err := os.Getwd(); err == nil {
		dirs = append(dirs, here)
	}
	if user, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(user, "openstack"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config", "openstack"))
	}
	dirs = append(dirs, "/etc/xdg/openstack", "/etc/openstack")
	var once []string
	for _, dir := range dirs {
		if !slices.Contains(once, dir) {
			once = append(once, dir)
		}
	}
	return once
}

// A file is a clouds.yaml, a secure.yaml or a clouds-public.yaml. Its entries are not
// examined yet. The path is "" if there is no such file. A file with a mistake has its
// text.
type file struct {
	path    string
	text    string
	entries []yamlguard.Pair
}

// findFile reads the first file of a kind, such as clouds.yaml. named comes before the
// directories; a named file has to be there if must says so.
func findFile(ctx context.Context, kind string, named string, dirs []string) (file, error) {
	section := "clouds"
	if kind == "clouds-public" {
		section = "public-clouds"
	}
	paths := []string{named}
	if named == "" {
		paths = nil
		for _, dir := range dirs {
			for _, suffix := range []string{".yaml", ".yml", ".json"} {
				paths = append(paths, filepath.Join(dir, kind+suffix))
			}
		}
	}
	for _, path := range paths {
		f, err := readFile(ctx, path, section)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return file{}, nil
}

func readFile(ctx context.Context, path, section string) (file, error) {
	raw, err := textfile.Read(ctx, path, yamlguard.MaxBytes)
	if errors.Is(err, textfile.ErrTooLarge) {
		return file{}, fmt.Errorf("read %s: %w", path, errors.Unwrap(err))
	}
	if err != nil {
		return file{}, err
	}
	f := file{path: path, text: string(raw)}
	root, bad := yamlguard.ParseValue(raw, yamlguard.Options{Directives: true})
	if bad != nil {
		return f, at(path, bad)
	}
	pairs, err := mapping(path, "the file", root)
	if err != nil {
		return f, err
	}
	for _, p := range pairs {
		if p.Key == section {
			if f.entries, err = mapping(path, section, p.Value); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

// mapping opens a value that has to be a mapping, or nothing.
func mapping(path, what string, v yamlguard.Value) ([]yamlguard.Pair, error) {
	o, bad := v.Open()
	switch {
	case bad != nil:
		return nil, at(path, bad)
	case o.Kind != yamlguard.Map && !o.IsNull():
		return nil, fmt.Errorf("read %s:%d: not a clouds.yaml: %s is %s, not a mapping", path, o.Line, what, o.Kind)
	}
	return o.Pairs, nil
}

func at(path string, bad *yamlguard.Error) error {
	return fmt.Errorf("read %s:%d: %w", path, bad.Pos.Line, bad)
}

// names gives the names of the entries, sorted.
func (f file) names() []string {
	names := make([]string, len(f.entries))
	for i, p := range f.entries {
		names[i] = p.Key
	}
	slices.Sort(names)
	return names
}

// entry reads the settings of one entry. ok is false if there is none of that name.
func (f file) entry(name string) (s settings, ok bool, err error) {
	for _, p := range f.entries {
		if p.Key != name {
			continue
		}
		pairs, err := mapping(f.path, name, p.Value)
		if err != nil {
			return nil, false, err
		}
		for _, p := range pairs {
			if p.Key == "auth" {
				_, err = mapping(f.path, p.Key, p.Value)
			}
			var value any
			if err == nil {
				value, err = f.convert(p.Value)
			}
			if err != nil {
				return nil, false, err
			}
			s.set(p.Key, value)
		}
		return s, true, nil
	}
	return nil, false, nil
}

// convert opens a value and all values below it.
func (f file) convert(v yamlguard.Value) (any, error) {
	o, bad := v.Open()
	if bad != nil {
		return nil, at(f.path, bad)
	}
	var err error
	switch {
	case o.IsNull():
		return nil, nil
	case o.Kind == yamlguard.List:
		list := make([]any, len(o.Items))
		for i, item := range o.Items {
			if list[i], err = f.convert(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case o.Kind == yamlguard.Map:
		table := settings{}
		for _, p := range o.Pairs {
			value, err := f.convert(p.Value)
			if err != nil {
				return nil, err
			}
			table.set(p.Key, value)
		}
		return table, nil
	}
	return o, nil
}
