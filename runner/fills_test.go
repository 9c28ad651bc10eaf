package runner

import (
	"strings"
	"testing"
)

// A step that fills a place with another content than a step before it fails before it changes
// anything, and says what both make of it. The same content is no conflict.
func TestFills(t *testing.T) {
	l := newLab()
	l.fills = map[string]map[string]Content{
		"x": {"/f": {Digest: "sha256:1"}, "/g": {Size: 5}},
		"y": {"/f": {Digest: "sha256:1"}, "/g": {Digest: "sha256:3", Size: 5}},
		"z": {"/f": {Digest: "sha256:2"}},
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
