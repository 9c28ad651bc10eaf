package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLicences(t *testing.T) {
	module := t.TempDir()
	for _, name := range []string{"LICENSE", "NOTICE.txt", "license.go", "main.go", "a/b/COPYING", "a/README", "only/notice/NOTICE"} {
		if err := writeFile(filepath.Join(module, name), []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	found := licences{known: map[string]bool{}}
	for _, rel := range []string{"a/b", "a", "a/b", "."} {
		if err := found.take("example.com/m", module, rel); err != nil {
			t.Error(err)
		}
	}
	var names []string
	for _, f := range found.texts {
		names = append(names, f.name)
	}
	slices.Sort(names)
	want := []string{"example.com/m/LICENSE", "example.com/m/NOTICE.txt", "example.com/m/a/b/COPYING"}
	if !slices.Equal(names, want) {
		t.Errorf("found %v, want %v", names, want)
	}
	if err := found.take("example.com/n", filepath.Join(module, "only"), "notice"); err == nil || !strings.Contains(err.Error(), "no text of its licence") {
		t.Errorf("a notice alone: %v", err)
	}
}

func TestTreeIsTheSame(t *testing.T) {
	one := tree{{name: "b/c", mode: 0o755, data: []byte("x")}, {name: "a", mode: 0o644}}
	other := tree{one[1], one[0]}
	first, err := one.tar(commit{}.time)
	second, err2 := other.tar(commit{}.time)
	if err != nil || err2 != nil || string(first) != string(second) {
		t.Errorf("the order of files matters: %v, %v", err, err2)
	}
	var names []string
	for _, f := range one.sorted() {
		names = append(names, f.name)
	}
	if want := []string{"a", "b", "b/c"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestUnitIsPackaged(t *testing.T) {
	unit, err := os.ReadFile("../../../examples/systemd/bayplan-registry.service")
	if err != nil {
		t.Fatal(err)
	}
	text, err := withPackagedProgram("x.service", unit)
	if err != nil || !strings.Contains(string(text), "ExecStart=/usr/bin/bayplan serve registry ") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := withPackagedProgram("x.service", []byte("ExecStart=/opt/bayplan\n")); err == nil {
		t.Error("a unit may name no program")
	}
}
