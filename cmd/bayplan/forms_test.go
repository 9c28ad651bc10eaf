package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/internal/dev/checkedin"
	"github.com/bayplan/bayplan/internal/durable"
)

// formDirs returns the folders with what each form of bayplan has written.
func formDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("testdata", "forms", "v*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("found no forms: %v", err)
	}
	return dirs
}

// A form is a copy of what a form of bayplan has written.
type form struct{ dir string }

// copyForm copies the plan of a form and, if they are named, its state and what it has made.
func copyForm(t *testing.T, of, state, made string) form {
	t.Helper()
	f := form{t.TempDir()}
	for from, to := range map[string]string{"plan": ".", state: filepath.Join(".bayplan", "site"), made: "world"} {
		if from == "" {
			continue
		}
		if err := checkedin.Copy(filepath.Join(of, from), filepath.Join(f.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// run runs a command, which must end with an exit code, and returns what it prints.
func (f form) run(t *testing.T, code int, args string) (out, errs string) {
	t.Helper()
	cmd := command(t, f.dir, strings.Fields(args)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its exit code is looked at
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("bayplan %s: exit code %d, want %d\n%s%s", args, got, code, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

// wants runs a command, and checks that what it prints holds texts.
func (f form) wants(t *testing.T, code int, args string, texts ...string) {
	t.Helper()
	out, errs := f.run(t, code, args)
	for _, text := range texts {
		if !strings.Contains(out+errs, text) {
			t.Errorf("bayplan %s does not say %q:\n%s%s", args, text, out, errs)
		}
	}
}

// The present bayplan reads the plans, states, lock files, saved diffs and runs of every
// form, and has nothing to do where nothing has changed.
func TestForms(t *testing.T) {
	for _, of := range formDirs(t) {
		t.Run(filepath.Base(of), func(t *testing.T) {
			f := copyForm(t, of, "state", "made")
			lock := readAll(t, filepath.Join(f.dir, "bayplan.lock.yaml"))
			f.wants(t, exitcode.Done, "validate", "bayplan.yaml: 8 steps, no mistakes")
			f.wants(t, exitcode.Done, "status", `sites["edge2"]`, "failed", "done")
			f.wants(t, exitcode.Done, "history", "20261130T140058.257Z", "killed", "failed: tag", "6 items, 61.8 KiB: dirs, motd, sites (2 steps), images", "root@director")
			f.wants(t, exitcode.Done, "report 20261130T140058.597Z --json", `"document": "report"`, "registry.edge1.example.com:5000/app/web:13.0-42")
			f.wants(t, exitcode.Done, "report 20261130T140058.910Z -o page.html", "page.html: apply of 20261130T140058.910Z, failed")
			f.wants(t, exitcode.Done, "diff --exit-code", "0 to change, 8 unchanged")
			f.wants(t, exitcode.Done, "lock --exit-code", "1 tag and 2 choices locked, 0 changes")
			f.wants(t, exitcode.Done, "apply --locked", "0 changed, 8 unchanged, 0 failed")
			if out, _ := f.run(t, exitcode.Done, "status"); strings.Contains(out, "failed") {
				t.Errorf("after an apply that found all as wanted, status still says failed:\n%s", out)
			}
			f.wants(t, exitcode.Done, "why images", "as recorded")
			f.wants(t, exitcode.Done, "verify", "8 verified")
			if got := readAll(t, filepath.Join(f.dir, "bayplan.lock.yaml")); got != lock {
				t.Errorf("the lock file was\n%s\nand is\n%s", lock, got)
			}
		})
	}
}

// An apply that a bayplan of an earlier form began, and that was killed, is continued.
func TestFormsKilled(t *testing.T) {
	for _, of := range formDirs(t) {
		f := copyForm(t, of, "state-killed", "") // it had made empty directories only
		f.wants(t, exitcode.Done, "history", "killed")
		f.wants(t, exitcode.Done, "apply", "0 failed")
		f.wants(t, exitcode.Done, "diff --exit-code", "0 to change, 8 unchanged")
	}
}

// A diff that was saved in an earlier form is shown and applied.
func TestFormsSaved(t *testing.T) {
	for _, of := range formDirs(t) {
		f := copyForm(t, of, "", "")
		saved, err := filepath.Abs(filepath.Join(of, "saved.json"))
		if err != nil {
			t.Fatal(err)
		}
		f.wants(t, exitcode.Done, "show "+saved, "diff of plan site, made ", "centre.example.com:5000/newest/web:13.0-42")
		if err := os.Remove(filepath.Join(f.dir, "bayplan.lock.yaml")); err != nil {
			t.Fatal(err)
		}
		f.wants(t, exitcode.Done, "apply --saved "+saved, "3 changed, 1 unchanged, 0 failed")
		f.wants(t, exitcode.Failed, "apply --saved "+saved, "what was reviewed is not what would be done now")
	}
}

// Every document that was printed in an earlier form has the form that the present schema
// describes: none of its names was removed or changed.
func TestFormsDocuments(t *testing.T) {
	for _, of := range formDirs(t) {
		files, err := filepath.Glob(filepath.Join(of, "json", "*.json"))
		if err != nil || len(files) < 13 {
			t.Fatalf("found %d documents: %v", len(files), err)
		}
		for _, file := range files {
			if err := matchesSchema(strings.TrimSuffix(filepath.Base(file), ".json"), []byte(readAll(t, file))); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// What is of a form that this bayplan does not know is refused with a clear error, and
// nothing of it is changed.
func TestFormsOfTheFuture(t *testing.T) {
	const run = ".bayplan/site/runs/20261130T140058.597Z/"
	for name, tt := range map[string]struct {
		file     string
		old, new string
		sealed   bool
		commands []string // with their exit codes
		wants    []string
	}{
		"plan": {
			"bayplan.yaml", "bayplan/v1", "bayplan/v2", false,
			[]string{"2 validate", "2 diff", "2 apply"},
			[]string{`bayplan.yaml:1:13: this bayplan does not support apiVersion "bayplan/v2"`, "nothing was run"},
		},
		"state": {
			".bayplan/site/state.json", `"version": 1`, `"version": 2`, true,
			[]string{"1 apply", "1 diff", "1 status", "1 history"},
			[]string{"state.json: it is of version 2, and this bayplan knows version 1", "hint: use the bayplan that wrote it or a newer one"},
		},
		"an entry of the journal": {
			".bayplan/site/journal.jsonl", "", `{"seq":19,"at":"2026-11-30T14:01:00Z","kind":"paused","step":"tag"}`, true,
			[]string{"1 apply", "1 diff", "1 status"},
			[]string{`journal.jsonl: line 1: it is of the kind "paused", which this bayplan does not know`, "hint: use the bayplan that wrote it or a newer one"},
		},
		"lock file": {
			"bayplan.lock.yaml", "selections:", "promises:\n  x: y\nselections:", false,
			[]string{"2 apply", "2 diff", "2 lock"},
			[]string{"bayplan.lock.yaml:6: this bayplan does not know the section promises", "hint: use the bayplan that wrote the file or a newer one"},
		},
		"saved diff": {
			"saved.json", `"format_version": 1`, `"format_version": 2`, false,
			[]string{"2 show saved.json", "2 apply --saved saved.json"},
			[]string{"read the saved diff ", "it is of version 2, and this bayplan knows version 1"},
		},
		"run": {
			run + "run.json", `"format_version":1`, `"format_version":2`, false,
			[]string{"1 report 20261130T140058.597Z"},
			[]string{"the run 20261130T140058.597Z is recorded in a form that this bayplan does not know", "hint: use the bayplan that recorded it"},
		},
		"a run in the history": {
			run + "run.json", `"format_version":1`, `"format_version":2`, false,
			[]string{"0 history"},
			[]string{"20261130T140058.597Z", "recorded by a newer bayplan"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			of := filepath.Join("testdata", "forms", "v1")
			f := copyForm(t, of, "state", "made")
			if err := os.WriteFile(filepath.Join(f.dir, "saved.json"), []byte(readAll(t, filepath.Join(of, "saved.json"))), 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(f.dir, filepath.FromSlash(tt.file))
			changeForm(t, file, tt.old, tt.new, tt.sealed)
			before := readAll(t, file)
			for _, line := range tt.commands {
				code, args, _ := strings.Cut(line, " ")
				f.wants(t, int(code[0]-'0'), args, tt.wants...)
			}
			if readAll(t, file) != before {
				t.Errorf("%s was changed", tt.file)
			}
		})
	}
}

// changeForm replaces a text in a file, which may be sealed.
func changeForm(t *testing.T, file, old, by string, sealed bool) {
	t.Helper()
	text := []byte(readAll(t, file))
	if sealed && len(text) > 0 {
		body, err := durable.Unseal(text)
		if err != nil {
			t.Fatal(err)
		}
		text = body
	}
	if old != "" && !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q", file, old)
	}
	text = bytes.Replace(text, []byte(old), []byte(by), 1)
	if sealed {
		text = append(durable.Seal(text), '\n')
		if old != "" {
			text = text[:len(text)-1]
		}
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
