package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

func TestDiffWaitsForWhatCannotBeKnown(t *testing.T) {
	l := newLab()
	g := l.graph(t, `
		up: fake {says: image}
		uses: fake {says: "boot ${steps.up.id}"}
		more: fake {says: "${steps.uses.text}"}
		text: fake {says: "${steps.up.text}"}
		free: fake more {says: x}`)
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "up create, uses waiting, more waiting, text create, free create")
	if got, want := report.Step("uses").Why, "known only after up has run, which gives id"; got != want {
		t.Errorf("why %q, want %q", got, want)
	}
	if got, want := report.Step("more").Why, "known only after uses has run, which gives text"; got != want {
		t.Errorf("why %q, want %q", got, want)
	}
	if got, want := report.Summary(), "3 to change, 0 unchanged, 2 waiting: 3 items, 3.0 KiB to move"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if len(l.log) != 0 {
		t.Errorf("a diff did %v", l.log)
	}
}

func TestDiffOfACheck(t *testing.T) {
	l := newLab()
	failing := func(context.Context, *fake, World, *Record) (*Finding, error) {
		return nil, errors.New("3 images are missing")
	}
	l.diff["check"] = failing
	g := l.graph(t, `
		a: fake {says: x}
		b: fake a {says: x}
		check: check b {says: y}
		after: fake {says: "${steps.check.text}"}`)
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "a create, b create, check check-after, after waiting")
	if got := report.Step("check").Why; got != "check, after b" {
		t.Errorf("why %q", got)
	}
	l.said["a"], l.said["b"] = "x", "x"
	report = run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "a unchanged, b unchanged, check failed, after skipped")
	if got, want := report.Summary(), "0 to change, 2 unchanged, 1 failed, 1 skipped"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

// A diff sees the world as the steps before it would leave it, and no other step.
func TestDiffSeesPlannedFiles(t *testing.T) {
	l := newLab()
	dir := t.TempDir()
	file := filepath.Join(dir, "made", "f")
	look := func(want string) func(context.Context, *fake, World, *Record) (*Finding, error) {
		return func(_ context.Context, f *fake, w World, _ *Record) (*Finding, error) {
			b, err := w.Open(file)
			if err != nil {
				return nil, err
			}
			defer b.Close()
			if got, _ := io.ReadAll(b); string(got) != want {
				return nil, fmt.Errorf("read %q, want %q", got, want)
			}
			return &Finding{Outputs: f.outputs(plan.Text("1"))}, nil
		}
	}
	l.diff["after"], l.diff["late"], l.diff["beside"] = look("hello"), look("hello"), look("hello")
	g := l.graph(t, fmt.Sprintf(`
		w: fake {says: hello, writes: %q}
		after: fake w {says: x}
		late: fake after {says: x}
		beside: fake {says: x}`, file))
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "w create, after unchanged, late unchanged, beside failed")
	if !errors.Is(report.Err(), os.ErrNotExist) {
		t.Errorf("beside: %v", report.Err())
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("the diff made a directory")
	}
}

// The files of a step that was not diffed are missing, so a step after it waits.
func TestDiffBehindAWaitingStep(t *testing.T) {
	l := newLab()
	file := filepath.Join(t.TempDir(), "f")
	g := l.graph(t, fmt.Sprintf(`
		up: fake {says: image}
		w: fake {says: "${steps.up.id}", writes: %q}
		reads: fake w {reads: %q}`, file, file))
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "up create, w waiting, reads waiting")
	if why := report.Step("reads").Why; !strings.HasPrefix(why, "known only after w has run (") {
		t.Errorf("why %q", why)
	}
}

func TestDiffOfWhatIsStillToBeFetched(t *testing.T) {
	l := newLab()
	file := filepath.Join(t.TempDir(), "f")
	l.diff["get"] = func(_ context.Context, f *fake, _ World, _ *Record) (*Finding, error) {
		c := &Change{Summary: "a file", Items: []Item{{Op: Create, What: "file", Name: file}}, Files: []File{{Path: file, Mode: 0o644}}}
		return &Finding{Outputs: f.outputs(plan.Text("1")), Change: c}, nil
	}
	g := l.graph(t, fmt.Sprintf(`
		get: fake {says: x}
		reads: fake get {reads: %q}
		free: fake get {says: y}`, file))
	l.diff["reads"] = func(_ context.Context, f *fake, w World, _ *Record) (*Finding, error) {
		if _, err := w.Stat(file); err != nil {
			return nil, err
		}
		_, err := w.Sum(context.Background(), file, SHA256)
		return nil, fmt.Errorf("read archive %s: %w", file, err)
	}
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "get create, reads waiting, free create")
	if got, want := report.Step("reads").Why, "known only after get has run, which writes "+file; got != want {
		t.Errorf("why %q, want %q", got, want)
	}
}
