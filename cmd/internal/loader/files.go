package loader

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// Files are what a plan is made of, and what its connections, secrets and steps read or write.
type Files struct {
	Plan  string // its name, "" if it has none that can be read
	Files []string
	Dirs  []string // with all that is below
}

// FilesOf returns the files of a plan. It asks no server, and reads the plan and clouds.yaml
// alone. Of a plan with mistakes it takes every text for what may name a file.
func FilesOf(ctx context.Context, file string, o plan.Options) Files {
	var f Files
	o.Opened = func(file string, _ []byte) { f.Files = append(f.Files, file) }
	read, _ := Load(ctx, file, o)
	if read.Parsed == nil {
		return f
	}
	f.Plan = read.Parsed.Name
	settings := read.Parsed.Settings()
	for name, value := range settings {
		if at, _ := value.(map[string]any); strings.HasPrefix(name, "secrets.") {
			path, _ := at["file"].(string)
			f.add(path)
		}
	}
	for _, c := range read.Conns.Files() {
		f.add(c.Path)
	}
	for _, c := range read.Conns.CloudFiles(ctx) {
		f.add(c.Path)
	}
	f.Dirs = append(f.Dirs, read.Conns.Dirs()...)
	if read.Graph == nil {
		f.texts(filepath.Dir(read.Parsed.File), settings)
		return f
	}
	for _, t := range read.Graph.Foresee() {
		for _, path := range append(t.Reads, t.Writes...) {
			f.add(path)
		}
	}
	return f
}

// add adds a file, or a directory with all that is below.
func (f *Files) add(path string) {
	if path == "" {
		return
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		f.Dirs = append(f.Dirs, path)
		return
	}
	f.Files = append(f.Files, path)
}

// texts adds the files that texts name, as seen from a directory.
func (f *Files) texts(dir string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			f.texts(dir, inner)
		}
	case []any:
		for _, inner := range v {
			f.texts(dir, inner)
		}
	case string:
		if !filepath.IsAbs(v) {
			v = filepath.Join(dir, v)
		}
		if info, err := os.Stat(v); err == nil && info.Mode().IsRegular() {
			f.Files = append(f.Files, v)
		}
	}
}
