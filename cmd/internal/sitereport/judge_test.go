package sitereport

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/plan"
)

func TestSitesAreJudged(t *testing.T) {
	c := newCentre(t)
	behind := report("edge3", 3*time.Hour)
	behind.LockDigest = "sha256:old"
	for _, r := range []document.SiteReport{
		report("edge1", time.Hour), failed(report("edge2", 2*time.Hour), 30*time.Hour), behind, report("edge4", 100*time.Hour), failed(report("edge5", 60*time.Hour), 90*time.Hour),
	} {
		send(t, c.sender(t, r.Site), r)
	}
	d := c.sites(t)
	want := []string{
		"edge4 silent ", "edge5 silent ", "edge2 failing ", "edge3 behind it has another lock file", "edge1 done ",
	}
	if diff := cmp.Diff(want, states(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := d.Sites[2]; d.Now.Sub(s.Since).Round(time.Hour) != 30*time.Hour || s.Error != "images: no route to host" {
		t.Errorf("edge2 fails since %v: %s", s.Since, s.Error)
	}
	if diff := cmp.Diff([]document.SiteTarget{{Plan: "edge", PlanDigest: "sha256:plan", LockDigest: "sha256:lock", Tag: "edge1"}}, d.Compare); diff != "" {
		t.Errorf("compared (-want +got):\n%s", diff)
	}
	found, now, err := Read(t.Context(), c.client(t), c.place(""))
	if err != nil {
		t.Fatal(err)
	}
	d = Judge{From: c.place(""), Now: now, Silent: time.Hour * 1000, Targets: []document.SiteTarget{{Plan: "edge", PlanDigest: "sha256:plan", LockDigest: "sha256:old"}}}.Sites(found)
	if got := states(d)[4]; got != "edge3 done " {
		t.Errorf("compared with the older lock file: %q", got)
	}
}

func TestManySitesCostTwoRequestsEach(t *testing.T) {
	c := newCentre(t)
	s := c.sender(t, "")
	for i := range 200 {
		s.To = c.place(fmt.Sprintf("edge%03d", i))
		send(t, s, report(s.To.Tag, time.Minute))
	}
	c.mu.Lock()
	clear(c.requests)
	c.mu.Unlock()
	if d := c.sites(t); len(d.Sites) != 200 || Worst(d) {
		t.Errorf("got %d sites, the worst %+v", len(d.Sites), d.Sites[0])
	}
	if got := c.requests[http.MethodGet]; got > 410 {
		t.Errorf("%d requests", got)
	}
}

func TestClocksAreCompared(t *testing.T) {
	c := newCentre(t)
	for site, ahead := range map[string]time.Duration{"fast": 1000 * time.Hour, "slow": -1000 * time.Hour} {
		s := c.sender(t, site)
		s.Now = func() time.Time { return time.Now().Add(ahead) }
		if notes := send(t, s, report(site, -ahead+time.Hour)); len(notes) != 1 || !strings.Contains(notes[0], "the clock of this host is 1000h") {
			t.Errorf("%s: %q", site, notes)
		}
	}
	d := c.sites(t)
	want := []string{"fast done its clock is 1000h ahead of the registry's", "slow done its clock is 1000h behind the registry's"}
	if diff := cmp.Diff(want, states(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range d.Sites {
		if age := seconds(s.Age).Round(time.Minute); age != time.Hour {
			t.Errorf("%s: its report is %v old", s.Tag, age)
		}
	}
}

func TestClockOfTheRegistry(t *testing.T) {
	other := func() string { return time.Now().Add(-500 * time.Hour).UTC().Format(http.TimeFormat) }
	for name, tt := range map[string]struct {
		date  func() string
		cache bool
		notes int
	}{
		"none":         {func() string { return "" }, false, 0},
		"no time":      {func() string { return "yesterday" }, false, 0},
		"another time": {other, false, 1},
		"a cache":      {other, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCentre(t)
			c.act(func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header()["Date"] = []string{tt.date()}
				if tt.cache {
					w.Header().Set("Age", "1800000")
				}
				return false
			})
			if notes := send(t, c.sender(t, "edge1"), report("edge1", time.Hour)); len(notes) != tt.notes {
				t.Errorf("notes %q", notes)
			}
			s := c.sites(t).Sites[0]
			if got := seconds(s.Age).Round(time.Minute); got != time.Hour || s.State != document.SiteDone {
				t.Errorf("%s, %v old", s.State, got)
			}
		})
	}
}

func TestReportFromTheFuture(t *testing.T) {
	c := newCentre(t)
	noTime := func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header()["Date"] = []string{""}
		return false
	}
	c.act(noTime)
	future := report("edge1", -100*24*time.Hour)
	future.LockDigest = "sha256:future"
	send(t, c.sender(t, "edge1"), future)
	send(t, c.sender(t, "edge2"), report("edge2", time.Hour))
	want := []string{"edge1 silent its run ended 2400h in the future: its clock was wrong, or the registry's; it has another lock file", "edge2 done "}
	if diff := cmp.Diff(want, states(c.sites(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	send(t, c.sender(t, "edge1"), report("edge1", time.Minute))
	send(t, c.sender(t, "edge1"), report("edge1", 0))
	if _, err := c.sender(t, "edge1").Send(t.Context(), Sending{Report: report("edge1", time.Hour)}); err == nil {
		t.Error("without a clock, an older report replaces a newer one")
	}
	c.act(noTime)
	send(t, c.sender(t, "edge3"), func() document.SiteReport { r := future; r.Site = "edge3"; return r }())
	c.act(nil)
	send(t, c.sender(t, "edge3"), report("edge3", time.Minute))
	if got := states(c.sites(t)); got[0] != "edge1 done " || len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

func TestKnownSites(t *testing.T) {
	c := newCentre(t)
	send(t, c.sender(t, "edge2"), report("edge2", time.Hour))
	file := filepath.Join(t.TempDir(), "sites.txt")
	if err := os.WriteFile(file, []byte("# all\nedge1\n\n  edge2 # far away\r\nedge3\nedge1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := ReadNames(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	found, now, err := Read(t.Context(), c.client(t), c.place(""))
	if err != nil {
		t.Fatal(err)
	}
	d := Judge{From: c.place(""), Now: now, Silent: 48 * time.Hour, Known: names}.Sites(found)
	want := []string{"edge1 silent it has never reported", "edge3 silent it has never reported", "edge2 done "}
	if diff := cmp.Diff(want, states(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var out strings.Builder
	if err := Table(&out, d); err != nil || !strings.Contains(out.String(), "  it has never reported\n") || strings.Contains(out.String(), "failed") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := os.WriteFile(file, []byte("edge1\nno tag\na/b\nedge:2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var mistakes plan.Errors
	if _, err := ReadNames(t.Context(), file); !errors.As(err, &mistakes) || len(mistakes) != 3 || mistakes[0].Pos.Line != 2 {
		t.Errorf("got %v", err)
	}
}
