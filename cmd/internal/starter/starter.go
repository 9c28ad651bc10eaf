// Package starter makes the first plan: a commented one for each of the usual cases, with
// the files that belong beside it. It knows no step type and writes over no file.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A Scenario is a case for which there is a plan.
type Scenario struct {
	Name  string
	About string // in a few words
}

// Scenarios gives all scenarios.
func Scenarios() []Scenario {
	return []Scenario{
		{"rhosp13", "Red Hat OpenStack Platform 13: overcloud images and containers"},
		{"rhosp17", "Red Hat OpenStack Platform 17.1, with a registry of the site"},
		{"kolla", "the images of kolla-ansible, and the variables that name them"},
		{"ironic", "the agent's files for a standalone Ironic"},
		{"mirror", "images of docker.io, quay.io and ghcr.io in one registry"},
		{"edge", "one of many sites, which runs by itself and reports to the centre"},
		{"sites", "many sites in waves, each by a worker of bayplan-temporal"},
		{"airgap", "images over an air gap: one plan outside, one inside"},
	}
}

// Names gives the names of all scenarios.
func Names() []string {
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

//go:embed scenarios
var scenarios embed.FS

// ignore is what git leaves alone beside a plan: the state. The lock file is checked in.
const ignore = ".bayplan/\n"

// ignoreFile is the only file that may be there already: a repository often has one.
const ignoreFile = ".gitignore"

// A File is a file of a scenario.
type File struct {
	Name string
	Text []byte
}

// Files gives the files of a scenario, sorted by name. The error for an unknown one names
// what was meant.
func Files(scenario string) ([]File, error) {
	dir := "scenarios/" + scenario
	names, err := fs.ReadDir(scenarios, dir)
	if err != nil || strings.Contains(scenario, "/") {
		err := fmt.Errorf("there is no scenario %q", scenario)
		if hint := human.DidYouMean(scenario, Names()); hint != "" {
			return nil, fault.WithHint(err, hint)
		}
		return nil, fault.WithHint(err, "there are "+strings.Join(Names(), ", "))
	}
	files := []File{{ignoreFile, []byte(ignore)}}
	for _, n := range names {
		text, err := fs.ReadFile(scenarios, dir+"/"+n.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, File{n.Name(), text})
	}
	return files, nil
}

// Write writes the files of a scenario into a directory, which it makes. It writes none of
// them if one is there already, but for a .gitignore, which it leaves as it is.
func Write(scenario, dir string) (written []string, err error) {
	files, err := Files(scenario)
	if err != nil {
		return nil, err
	}
	var todo []File
	for _, f := range files {
		switch _, err := os.Lstat(filepath.Join(dir, f.Name)); {
		case errors.Is(err, fs.ErrNotExist):
			todo = append(todo, f)
		case err != nil:
			return nil, err
		case f.Name != ignoreFile:
			return nil, fault.WithHint(fmt.Errorf("write %s: it exists already", filepath.Join(dir, f.Name)), "name another folder with --dir")
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	for _, f := range todo {
		if err := durable.WriteBytes(filepath.Join(dir, f.Name), 0o644, f.Text); err != nil {
			return written, err
		}
		written = append(written, f.Name)
	}
	return written, nil
}

// Plans gives the plans among some files, in the order in which they are used.
func Plans(names []string) []string {
	var plans []string
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		if name == "outside.yaml" { // comes before inside.yaml
			plans = append([]string{name}, plans...)
			continue
		}
		plans = append(plans, name)
	}
	return plans
}
