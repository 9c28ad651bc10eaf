package steptest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A note is a step that keeps every law: a file with a text in it.
type note struct {
	File plan.Path `json:"file"`
	Text string    `json:"text"`

	flaw     string // the law to break
	applying bool   // BeforeApply was called
}

func (n *note) is(flaw string) bool { return strings.Contains(n.flaw, flaw) }

func (n *note) Validate() error {
	if n.Text == "" && n.is("wants to know all at once") {
		return plan.At("text", errors.New("is empty"))
	}
	return nil
}

// Resolve makes a note a Resolver.
func (n *note) Resolve(_ context.Context, w runner.World) (*runner.Finding, error) {
	switch n.flaw {
	case "resolves by what it changes":
		f, err := w.Open(string(n.File))
		if err != nil {
			return nil, err
		}
		return &runner.Finding{}, f.Close()
	case "writes while resolving":
		return &runner.Finding{}, os.WriteFile(string(n.File), []byte(n.Text), 0o600)
	case "resolves to another output":
		return &runner.Finding{Outputs: runner.Outputs{"file": plan.Text("elsewhere")}}, nil
	}
	return &runner.Finding{Outputs: runner.Outputs{"file": plan.Text(string(n.File))}}, nil
}

func (n *note) Paths() runner.Paths { return runner.Paths{Writes: []string{string(n.File)}} }

func (n *note) BeforeApply() { n.applying = true }

func (n *note) Inputs(context.Context, runner.World) ([]runner.Input, error) {
	switch n.flaw {
	case "leaves an input open":
		if n.applying {
			return []runner.Input{{Name: "place"}}, nil
		}
	case "gives other inputs when applied at once":
		if n.applying {
			return []runner.Input{{Name: "place", Digest: "elsewhere"}}, nil
		}
	case "unstable inputs":
		n.Text += "."
		dir, err := os.MkdirTemp("", "note")
		if err != nil {
			return nil, err
		}
		return []runner.Input{{Name: "place", Digest: dir}}, os.Remove(dir)
	case "secret in the inputs":
		return []runner.Input{{Name: "password", Digest: "hunter2"}}, nil
	case "input without a digest":
		return []runner.Input{{Name: "place"}}, nil
	case "input named like the configuration's":
		return []runner.Input{{Name: "with.text", Digest: "x"}}, nil
	}
	return []runner.Input{{Name: "place", Digest: "here"}}, nil
}

func (n *note) Diff(_ context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	if n.is("writes while looking") {
		if err := os.WriteFile(string(n.File)+".log", []byte("x"), 0o600); err != nil {
			return nil, err
		}
	}
	outputs, err := n.found(w)
	if n.is("trusts the record") && prior != nil {
		outputs, err = prior.Outputs, nil
	}
	if err == nil && !n.is("never content") {
		return &runner.Finding{Outputs: outputs}, nil
	}
	if n.is("always content") {
		return &runner.Finding{Outputs: n.outputs()}, nil
	}
	return &runner.Finding{Outputs: n.planned(), Change: n.change()}, nil
}

func (n *note) planned() runner.Outputs {
	outputs := n.outputs()
	switch n.flaw {
	case "plans another output":
		outputs["file"] = plan.Text("elsewhere")
	case "only promises":
		outputs["file"] = plan.Later("after writing")
	}
	return outputs
}

func (n *note) change() *runner.Change {
	sum := sha256.Sum256([]byte(n.Text))
	file := runner.File{
		Path: string(n.File), Size: int64(len(n.Text)), Mode: 0o644, Sums: map[runner.Algo]string{runner.SHA256: hex.EncodeToString(sum[:])},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString(n.Text)), nil },
	}
	switch n.flaw {
	case "plans another size":
		file.Size++
	case "plans another digest":
		file.Sums[runner.SHA256] = "00"
	case "plans another mode":
		file.Mode = 0o600
	case "opens another content":
		file.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString("other")), nil }
	case "plans another file":
		file.Path += "x"
	}
	c := &runner.Change{
		Summary: "a note", Items: []runner.Item{{Op: runner.Create, What: "file", Name: string(n.File)}},
		Files: []runner.File{file}, Apply: n.apply,
	}
	switch n.flaw {
	case "no summary":
		c.Summary = ""
	case "no items":
		c.Items = nil
	case "odd item":
		c.Items[0].Op = "frobnicate"
	case "nameless item":
		c.Items[0].Name = ""
	case "no apply":
		c.Apply = nil
	}
	return c
}

// apply writes the note. With a flaw that claims, it confirms what was asked for
// without a look.
func (n *note) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	switch n.flaw {
	case "claims without writing":
		return n.planned(), nil
	case "claims another output":
		outputs := n.planned()
		outputs["file"] = plan.Text("elsewhere")
		return outputs, n.write(ctx, p)
	}
	return nil, n.write(ctx, p)
}

func (n *note) write(ctx context.Context, p runner.Progress) error {
	part := string(n.File) + ".part"
	if n.is("cannot be applied again") {
		if _, err := os.Stat(part); err == nil {
			return fs.ErrExist
		}
	}
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, b := range []byte(n.Text) {
		if err := ctx.Err(); err != nil {
			return n.giveUp(part, err)
		}
		if _, err := f.Write([]byte{b}); err != nil {
			return n.giveUp(part, err)
		}
		p.Add(1)
	}
	if n.is("fails") {
		return errors.New("boom")
	}
	return os.Rename(part, string(n.File))
}

// giveUp leaves nothing behind.
func (n *note) giveUp(part string, err error) error {
	switch n.flaw {
	case "leaves rubbish":
		return errors.Join(err, os.Rename(part, fmt.Sprintf("%s.%d", n.File, os.Getpid())))
	case "leaves the half of it as the whole":
		n.Text = n.Text[:1]
		return errors.Join(err, os.Rename(part, string(n.File)))
	case "cannot be applied again":
		return err
	}
	return errors.Join(err, os.Remove(part))
}

func (n *note) Verify(_ context.Context, w runner.World) (runner.Outputs, error) {
	outputs, err := n.found(w)
	switch n.flaw {
	case "verifies another output":
		outputs["file"] = plan.Text("elsewhere")
	case "too many outputs":
		outputs["more"] = plan.Text("x")
	case "secret in the outputs":
		outputs["file"] = plan.Text("hunter2")
	}
	return outputs, err
}

func (n *note) found(w runner.World) (runner.Outputs, error) {
	r, err := w.Open(string(n.File))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && string(b) != n.Text && !n.is("looks at the name only") {
		err = errors.New("another text")
	}
	return n.outputs(), err
}

func (n *note) outputs() runner.Outputs {
	return runner.Outputs{"file": plan.Text(string(n.File)), "words": plan.List(strings.Fields(n.Text)...)}
}

func noteType() runner.Type {
	return runner.Type{
		Name:    "note",
		Outputs: []runner.Output{{Name: "file", Doc: "The file."}, {Name: "words", Doc: "Its words.", List: true}},
		New:     func() runner.Step { return &note{} },
	}
}

func noteCase(flaw string) Case {
	return Case{Type: noteType(), Fresh: func(t *testing.T) *Fixture {
		dir := t.TempDir()
		file := filepath.Join(dir, "note")
		return &Fixture{
			New:      func() runner.Step { return &note{File: plan.Path(file), Text: "two words", flaw: flaw} },
			Dirs:     []string{dir},
			Snapshot: func() string { return "nothing" },
			Secrets:  []string{"hunter2"},
			Break: []Break{
				{"the file is removed", func(t *testing.T) { check(t, os.Remove(file)) }},
				{"its text is changed", func(t *testing.T) { check(t, os.WriteFile(file, []byte("two wordz"), 0o600)) }},
				{"a directory is in its place", func(t *testing.T) {
					check(t, errors.Join(os.Remove(file), os.Mkdir(file, 0o700), os.Mkdir(file+"/x", 0o700)))
				}},
			},
		}
	}}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
