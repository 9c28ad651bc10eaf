package sitereport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/redact"
)

func TestMemory(t *testing.T) {
	dir := t.TempDir()
	c := newCentre(t)
	secrets := redact.New()
	secrets.Add("hunter2-hunter2")
	open := func() *Memory {
		t.Helper()
		m, err := Remember(dir, filepath.Join(dir, "plan.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := failed(report("edge1", 2*time.Hour), 0)
	first.Error = "login with hunter2-hunter2 failed"
	m := open()
	if err := m.Keep(c.place("edge1"), &first, secrets); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, memoryFile)); err != nil || strings.Contains(string(b), "hunter2") {
		t.Errorf("%v: %s", err, b)
	}
	waiting, waits := open().Waiting(c.place("edge1"))
	if _, other := open().Waiting(c.place("edge2")); !waits || other || waiting.StateID == "" {
		t.Errorf("waits: %t, for another place: %t", waits, other)
	}
	second := failed(report("edge1", time.Hour), 0)
	m = open()
	if err := m.Keep(c.place("edge1"), &second, secrets); err != nil {
		t.Fatal(err)
	}
	if !second.FailingSince.Equal(first.Ended) || second.Unsent != 1 || second.StateID != first.StateID {
		t.Errorf("failing since %v, %d unsent", second.FailingSince, second.Unsent)
	}
	if _, err := c.sender(t, "edge1").Send(t.Context(), Sending{Report: second, Memory: m}); err != nil {
		t.Fatal(err)
	}
	if _, waits := open().Waiting(c.place("edge1")); waits {
		t.Error("what was sent still waits")
	}
	if got := states(c.sites(t)); got[0] != "edge1 failing 1 report before could not be sent" {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, memoryFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m := open(); m.StateID == "" || m.StateID == first.StateID {
		t.Error("a damaged file is not as a new state")
	}
}

func TestFailuresOfParts(t *testing.T) {
	const fails, done = false, true
	type run struct {
		part string
		done bool
	}
	for name, tt := range map[string]struct {
		runs  []run
		since int // the run since which it fails, -1: it does not
	}{
		"the part is done again":        {[]run{{"a", fails}, {"a", fails}, {"a", done}}, -1},
		"the part still fails":          {[]run{{"a", fails}, {"a", fails}}, 0},
		"the whole is done":             {[]run{{"a", fails}, {"", done}}, -1},
		"another part is done":          {[]run{{"a", fails}, {"b", done}}, 0},
		"another part fails, too":       {[]run{{"a", fails}, {"b", fails}, {"a", done}}, 0},
		"the whole fails, then a part":  {[]run{{"", fails}, {"a", fails}, {"a", done}}, 0},
		"a part fails, then the whole":  {[]run{{"a", fails}, {"", fails}, {"a", done}}, 0},
		"all parts fail, the whole not": {[]run{{"a", fails}, {"b", fails}, {"", done}}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			ended := func(i int) time.Time { return time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC) }
			for i, one := range tt.runs {
				r := document.SiteReport{Ended: ended(i), Verdict: document.VerdictFailed}
				if one.done {
					r.Verdict = document.VerdictDone
				}
				if one.part != "" {
					r.Only = []string{one.part}
				}
				m.add(r)
			}
			want := time.Time{}
			if tt.since >= 0 {
				want = ended(tt.since)
			}
			if !m.FailingSince.Equal(want) {
				t.Errorf("failing since %v, want %v", m.FailingSince, want)
			}
		})
	}
}

func TestPartsEndNoFailure(t *testing.T) {
	dir := t.TempDir()
	c := newCentre(t)
	run := func(r document.SiteReport) string {
		t.Helper()
		m, err := Remember(dir, filepath.Join(dir, "plan.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Keep(c.place("edge1"), &r, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.sender(t, "edge1").Send(t.Context(), Sending{Report: r, Memory: m}); err != nil {
			t.Fatal(err)
		}
		return states(c.sites(t))[0]
	}
	part := report("edge1", 2*time.Hour)
	part.Only = []string{"dirs"}
	for _, tt := range []struct {
		r    document.SiteReport
		want string
	}{
		{failed(report("edge1", 3*time.Hour), 0), "edge1 failing "},
		{part, "edge1 failing its last run was for a part of the plan"},
		{report("edge1", time.Hour), "edge1 done "},
	} {
		tt.r.FailingSince = time.Time{}
		if got := run(tt.r); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
