package runner

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A step that fills a place with another content than a step before it fails before it changes
// anything, and says what both make of it. The same content is no conflict.
func TestFills(t *testing.T) {
	l := newLab()
	l.fills = map[string]map[string]Content{
		"x": {"/f": {Digests: []string{"sha256:1"}}, "/g": {Size: 5}},
		"y": {"/f": {Digests: []string{"sha256:1"}}, "/g": {Digests: []string{"sha256:3"}, Size: 5}},
		"z": {"/f": {Digests: []string{"sha256:2"}}},
		"w": {"/g": {Size: 6}},
	}
	r := stored(t, l.graph(t, "a: fake {says: x}\nb: fake a {says: y}\nc: fake b {says: z}\nd: fake c {says: v}\ne: fake b {says: w}"))
	for _, tt := range []struct {
		report *Report
		want   string
	}{
		{run(t, r.Diff), "a create, b create, c failed, d skipped, e failed"},
		{run(t, r.Apply), "a changed, b changed, c failed, d skipped, e failed"},
		{run(t, r.Apply), "a unchanged, b unchanged, c failed, d skipped, e failed"},
	} {
		wantStatuses(t, tt.report, tt.want)
		if got := tt.report.Step("c").Err.Error(); !strings.HasPrefix(got, `/f would be sha256:2, and step "a" makes it sha256:1: `) {
			t.Errorf("the error is %s", got)
		}
		if got := tt.report.Step("e").Err.Error(); !strings.HasPrefix(got, `/g would be 6 bytes, and step "a" makes it 5 bytes: `) {
			t.Errorf("the error is %s", got)
		}
		if tt.report.Step("c").Finding.Change != nil {
			t.Error("the report of a diff shows a change that is not made")
		}
	}
	if strings.Contains(strings.Join(l.log, " "), "c") {
		t.Errorf("applied: %q", l.log)
	}
}

// Of two steps that begin together the later one in the file fails, whichever looks first.
func TestLaterOfTwoFails(t *testing.T) {
	l := newLab()
	l.fills = map[string]map[string]Content{"x": {"/f": {Size: 1}}, "y": {"/f": {Size: 2}}}
	r := stored(t, l.graph(t, "a: fake {says: x, into: [/d]}\nb: fake {says: y, into: [/d]}\nc: fake b {says: z}"))
	looks := func() {
		looked := make(chan struct{})
		l.diff["a"] = func(ctx context.Context, f *fake, w World, prior *Record) (*Finding, error) {
			<-looked
			return f.diffs()
		}
		l.diff["b"] = func(ctx context.Context, f *fake, w World, prior *Record) (*Finding, error) {
			defer close(looked)
			return f.diffs()
		}
	}
	for _, tt := range []struct {
		mode func(context.Context) (*Report, error)
		want string
	}{
		{r.Diff, "a create, b failed, c skipped"},
		{r.Apply, "a changed, b failed, c skipped"},
		{r.Apply, "a unchanged, b failed, c skipped"},
		{r.Diff, "a unchanged, b failed, c skipped"},
	} {
		looks()
		report := run(t, tt.mode)
		wantStatuses(t, report, tt.want)
		if got := report.Step("c").Why; got != "needs b, which failed" || report.Step("c").Finding.Change != nil {
			t.Errorf("c: %s, %+v", got, report.Step("c").Finding)
		}
	}
}

// What a step puts somewhere may be known only when it is done. It fails then, and is not recorded.
func TestFillsKnownAtTheEnd(t *testing.T) {
	l := newLab()
	l.fills = map[string]map[string]Content{"x": {"/f": {Digests: []string{"sha256:1"}}}}
	l.diff["b"] = func(ctx context.Context, f *fake, w World, prior *Record) (*Finding, error) {
		finding, err := f.diffs()
		if finding.Change != nil {
			finding.Change.Apply = func(ctx context.Context, p Progress) (Outputs, error) {
				finding.Fills = map[string]Content{"/f": {Digests: []string{"sha256:2"}}}
				return f.apply(ctx, p)
			}
		}
		return finding, err
	}
	r := stored(t, l.graph(t, "a: fake {says: x}\nb: fake a {says: y}"))
	report := run(t, r.Apply)
	wantStatuses(t, report, "a changed, b failed")
	if got := report.Step("b").Err.Error(); !strings.HasPrefix(got, `/f would be sha256:2, and step "a" makes it sha256:1: `) || r.Store.Record("b") != nil {
		t.Errorf("the error is %s, the record %+v", got, r.Store.Record("b"))
	}
}

// A directory and a link to it are one place.
func TestFillsThroughLinks(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	l := newLab()
	l.fills = map[string]map[string]Content{
		"x": {filepath.Join(dir, "real/new/f"): {Size: 1}},
		"y": {filepath.Join(dir, "link/new/f"): {Size: 2}},
	}
	r := stored(t, l.graph(t, "a: fake {says: x}\nb: fake a {says: y}"))
	report := run(t, r.Diff)
	wantStatuses(t, report, "a create, b failed")
	want := dir + `/link/new/f would be 2 bytes, and step "a" makes it 1 byte under the name ` + dir + "/real/new/f: "
	if got := report.Step("b").Err.Error(); !strings.HasPrefix(got, want) {
		t.Errorf("the error is %s", got)
	}
}
