package review

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// sample gives a diff of two steps with its basis, made anew by each call.
func sample() document.Diff {
	return document.Diff{
		Plan: "site", Mode: runner.ModeDiff, Summary: "1 to change, 1 unchanged: 2 items, 3 B to move", Items: 2, Bytes: 3,
		Basis: &document.Basis{
			Made:  time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC),
			Files: []document.FileDigest{{File: "bayplan.yaml", Digest: "sha256:1"}},
			Vars:  map[string]string{"home": "/home/stack"},
			Connections: map[string]string{
				"connections.clouds.c.auth_url": "https://one.example", "connections.clouds.c.secure.yaml": "[redacted] pbkdf2-sha256:00",
			},
		},
		Steps: []document.Step{
			{
				ID: "images", Type: "mirror", Status: runner.ToChange, Summary: "2 images",
				Inputs:  []runner.Input{{Name: "with.to", Digest: `"local"`}},
				Outputs: runner.Outputs{"count": plan.Text("2"), "images": plan.List("a", "b")},
				Items: []runner.Item{
					{Op: runner.Create, What: runner.Image, Name: "local/a:1", Source: "up/a:1", To: "sha256:aa", Bytes: 3},
					{Op: runner.Update, What: runner.Image, Name: "local/b:1", Source: "up/b:1", From: "sha256:b0", To: "sha256:b1"},
				},
			},
			{ID: "dirs", Type: "mkdir", Status: runner.Unchanged, Outputs: runner.Outputs{"paths": plan.List("x")}},
		},
	}
}

func differs(t *testing.T, err error) []string {
	t.Helper()
	var d *DiffersError
	if err != nil && !errors.As(err, &d) {
		t.Fatal(err)
	}
	if d == nil {
		return nil
	}
	return d.Differs()
}

func TestCheckWorld(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d *document.Diff)
		want   []string
	}{
		{"nothing", func(*document.Diff) {}, nil},
		{"what is only said", func(d *document.Diff) {
			d.Steps[0].Notes, d.Steps[0].Took, d.Steps[0].Summary = []string{"n"}, 3, "other"
			d.Steps[0].Items[0].Bytes = 0 // another step moves them
		}, nil},
		{"fewer items", func(d *document.Diff) { d.Steps[0].Items = d.Steps[0].Items[:1] }, []string{
			"step images: update image local/b:1: it was reviewed, and is no longer to be done",
		}},
		{"more items", func(d *document.Diff) {
			d.Steps[0].Items = append(d.Steps[0].Items, runner.Item{Op: runner.Remove, What: runner.Tag, Name: "local/c:1"})
		}, []string{"step images: remove tag local/c:1: it is to be done now, and was not reviewed"}},
		{"another order", func(d *document.Diff) { slices.Reverse(d.Steps[0].Items) }, nil},
		{"another digest after", func(d *document.Diff) { d.Steps[0].Items[1].To = "sha256:b2" }, []string{
			"step images: image local/b:1: digest after: it was sha256:b1, and is sha256:b2",
		}},
		{"another digest before", func(d *document.Diff) { d.Steps[0].Items[1].From = "" }, []string{
			"step images: image local/b:1: digest before: it was sha256:b0, and is none",
		}},
		{"another source", func(d *document.Diff) { d.Steps[0].Items[0].Source = "evil/a:1" }, []string{
			"step images: image local/a:1: source: it was up/a:1, and is evil/a:1",
		}},
		{"another operation", func(d *document.Diff) { d.Steps[0].Items[0].Op = runner.Replace }, []string{
			"step images: image local/a:1: operation: it was create, and is replace",
		}},
		{"another text", func(d *document.Diff) { d.Steps[0].Items[0].New = "x" }, []string{
			"step images: image local/a:1: its content is another",
		}},
		{"another output", func(d *document.Diff) { d.Steps[0].Outputs["images"] = plan.Text("a, b") }, []string{
			`step images: output images: it was ["a","b"], and is "a, b"`,
		}},
		{"an output that is known now", func(d *document.Diff) { d.Steps[1].Outputs["more"] = plan.Text("") }, []string{
			`step dirs: output more: there was none, and it is ""`,
		}},
		{"another input", func(d *document.Diff) { d.Steps[0].Inputs[0].Digest = `"other"` }, []string{
			`step images: input with.to: it was "local", and is "other"`,
		}},
		{"done already", func(d *document.Diff) { d.Steps[0].Status, d.Steps[0].Items = runner.Unchanged, nil }, []string{
			"step images: it would have changed 2 items, and is as wanted now",
		}},
		{"a change of what was right", func(d *document.Diff) { d.Steps[1].Status = runner.ToCreate }, []string{
			"step dirs: status: it was unchanged, and is create",
		}},
		{"failed", func(d *document.Diff) { d.Steps[1].Status, d.Steps[1].Error = runner.Failed, "boom" }, []string{
			"step dirs: status: it was unchanged, and is failed", "step dirs: error: it was none, and is boom",
		}},
		{"a step less", func(d *document.Diff) { d.Steps = d.Steps[:1] }, []string{"step dirs: it was reviewed, and is not there now"}},
		{"a step more", func(d *document.Diff) { d.Steps = append(d.Steps, document.Step{ID: "more"}) }, []string{"step more: it is there now, and was not reviewed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := sample()
			tt.change(&now)
			if got := differs(t, CheckWorld(sample(), now)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckBasis(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d *document.Diff)
		want   []string
	}{
		{"nothing", func(*document.Diff) {}, nil},
		{"who made it", func(d *document.Diff) { d.Basis.Made, d.Basis.Host, d.Basis.Version = time.Now(), "other", "v2" }, nil},
		{"the plan", func(d *document.Diff) { d.Basis.Files[0].Digest = "sha256:2" }, []string{"the content of bayplan.yaml: it was sha256:1, and is sha256:2"}},
		{"other connections", func(d *document.Diff) {
			d.Basis.Files = append(d.Basis.Files, document.FileDigest{File: "ci.yaml", Digest: "sha256:3"})
		}, []string{"the content of ci.yaml: it was none, and is sha256:3"}},
		{"a name", func(d *document.Diff) { d.Plan = "other" }, []string{"the plan's name: it was site, and is other"}},
		{"a lock file", func(d *document.Diff) { d.Basis.Lock = "sha256:4" }, []string{"the lock file: it was none, and is sha256:4"}},
		{"a variable", func(d *document.Diff) { d.Basis.Vars["home"] = "/" }, []string{"variable home: it was /home/stack, and is /"}},
		{"variables", func(d *document.Diff) { d.Basis.Vars = map[string]string{"x": ""} }, []string{
			"variable home: it was /home/stack, and there is none", "variable x: there was none, and it is none",
		}},
		{"a secret variable", func(d *document.Diff) { d.Basis.Vars["key"] = "[redacted] pbkdf2-sha256:00" }, []string{"variable key: it has another value, which may be secret"}},
		{"a secret without a digest", func(d *document.Diff) { d.Basis.Vars["home"] = "[redacted]" }, []string{
			"variable home: it may be secret, and the saved diff does not tell whether its value is the same",
		}},
		{"another cloud", func(d *document.Diff) { d.Basis.Connections["connections.clouds.c.auth_url"] = "https://two.example" }, []string{
			"connections.clouds.c.auth_url: it was https://one.example, and is https://two.example",
		}},
		{"another authority", func(d *document.Diff) { d.Basis.Connections["connections.hosts.h.ca"] = "sha256:5" }, []string{
			"connections.hosts.h.ca: there was none, and it is sha256:5",
		}},
		{"other secrets", func(d *document.Diff) {
			d.Basis.Connections["connections.clouds.c.secure.yaml"] = "[redacted] pbkdf2-sha256:01"
		}, []string{
			"connections.clouds.c.secure.yaml: its file has another content",
		}},
		{"steps", func(d *document.Diff) { d.Basis.Only = []string{"dirs"} }, []string{"--only: it was none, and is dirs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := sample()
			tt.change(&now)
			if got := differs(t, CheckBasis(sample(), now)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	saved := sample()
	saved.Steps = append(saved.Steps, document.Step{ID: "later", Status: runner.Waiting}, document.Step{
		ID: "text", Status: runner.ToCreate, Items: []runner.Item{{Op: runner.Create, What: runner.RegularFile, Name: "x", New: "l\ufffd"}},
	})
	reviewed := sample().Steps[0]
	changed := func(change func(it *runner.Item)) []runner.Item {
		items := slices.Clone(reviewed.Items)
		change(&items[1])
		return items
	}
	for _, tt := range []struct {
		name, step string
		items      []runner.Item
		want       []string
	}{
		{"as reviewed", "images", reviewed.Items, nil},
		{"less", "images", reviewed.Items[:1], nil},
		{"less to move", "images", changed(func(it *runner.Item) { it.Bytes = 0 }), nil},
		{"not known before", "later", reviewed.Items, nil},
		{"no UTF-8", "text", []runner.Item{{Op: runner.Create, What: runner.RegularFile, Name: "x", New: "l\xfc"}}, nil},
		{"another text", "text", []runner.Item{{Op: runner.Create, What: runner.RegularFile, Name: "x", New: "m"}}, []string{"file x: its content is another"}},
		{"an archive", "images", []runner.Item{{Op: runner.Create, What: runner.Contents, Name: "x.tar"}}, []string{"create contents x.tar: it is to be done now, and was not reviewed"}},
		{"more", "dirs", reviewed.Items[:1], []string{"create image local/a:1: it is to be done now, and was not reviewed"}},
		{"another digest", "images", changed(func(it *runner.Item) { it.To = "sha256:ab" }), []string{"image local/b:1: digest after: it was sha256:b1, and is sha256:ab"}},
		{"no digest", "images", changed(func(it *runner.Item) { it.To = "" }), []string{"image local/b:1: digest after: it was sha256:b1, and is none"}},
		{"another digest before", "images", changed(func(it *runner.Item) { it.From = "sha256:ab" }), []string{"image local/b:1: digest before: it was sha256:b0, and is sha256:ab"}},
		{"another source", "images", changed(func(it *runner.Item) { it.Source = "evil/b:1" }), []string{"image local/b:1: source: it was up/b:1, and is evil/b:1"}},
		{"another size", "images", changed(func(it *runner.Item) { it.Size = 9 }), []string{"image local/b:1: its content is another"}},
		{"another operation", "images", changed(func(it *runner.Item) { it.Op = runner.Remove }), []string{"image local/b:1: operation: it was update, and is remove"}},
		{"an unknown step", "none", reviewed.Items[:1], []string{"step none: input with.to: there was none, and it is \"local\"", "create image local/a:1: it is to be done now, and was not reviewed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in []runner.Input
			if tt.step == "images" || tt.step == "none" {
				in = reviewed.Inputs
			}
			err := Allow(saved)(tt.step, in, tt.items)
			if got := differs(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "nothing was changed") {
				t.Errorf("an apply that has begun says: %v", err)
			}
		})
	}
	// What a server reports of a file that nothing vouches for is an input, and in no item.
	err := Allow(saved)("images", []runner.Input{{Name: "with.to", Digest: `"local"`}, {Name: "version", Digest: "etag 2"}}, nil)
	if got := differs(t, err); !slices.Equal(got, []string{"step images: input version: there was none, and it is etag 2"}) {
		t.Errorf("another input: %q", got)
	}
}

// A sealed value is the same for the same value and salt only, and does not show the value.
func TestSeal(t *testing.T) {
	salt := NewSalt()
	first := Seal(salt)("hunter2")
	if !strings.HasPrefix(first, "[redacted] pbkdf2-sha256:") || strings.Contains(first, "hunter2") || first != Seal(salt)("hunter2") {
		t.Errorf("sealed: %s", first)
	}
	if first == Seal(salt)("hunter3") || first == Seal(NewSalt())("hunter2") {
		t.Error("another value or salt gives the same")
	}
	if got := Seal("")("hunter2"); got != "[redacted]" {
		t.Errorf("without a salt: %s", got)
	}
}

func TestCheckComplete(t *testing.T) {
	d := sample()
	if err := CheckComplete(d); err != nil {
		t.Error(err)
	}
	d.Steps[1].Status, d.Steps[1].Why = runner.Skipped, "needs images, which failed"
	if err := CheckComplete(d); err == nil || err.Error() != "the saved diff is not complete: step dirs: needs images, which failed" {
		t.Error(err)
	}
}

func TestSaveAndRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "saved.json")
	text, err := document.MarshalIndent(sample())
	if err != nil {
		t.Fatal(err)
	}
	if err := Save(file, text); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	got, err := Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(CheckBasis(sample(), got), CheckWorld(sample(), got)); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"no JSON":          "plan: x",
		"empty":            "",
		"another document": `{"format_version":1,"document":"status"}`,
		"no basis":         `{"format_version":1,"document":"diff","steps":[]}`,
		"another version":  `{"format_version":2,"document":"diff","basis":{}}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(t.Context(), file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyDifferences(t *testing.T) {
	now := sample()
	for range 100 {
		now.Steps = append(now.Steps, document.Step{ID: "more"})
	}
	err := CheckWorld(sample(), now)
	if n := len(differs(t, err)); n != 100 {
		t.Errorf("%d differences, want 100", n)
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 1+maxTold+1 || lines[maxTold+1] != "and 60 more, which --json lists" {
		t.Errorf("%d lines:\n%s", len(lines), err)
	}
}
