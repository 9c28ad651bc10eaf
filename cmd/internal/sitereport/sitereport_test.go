package sitereport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A centre is a registry that can be told to misbehave.
type centre struct {
	*httptest.Server
	mu       sync.Mutex // requests come from many goroutines
	requests map[string]int
	answer   func(http.ResponseWriter, *http.Request) bool // in place of the registry, if it says so
}

func newCentre(t *testing.T) *centre {
	t.Helper()
	store, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &centre{requests: map[string]int{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests[r.Method]++
		answer := c.answer
		c.mu.Unlock()
		if answer == nil || !answer(w, r) {
			store.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		c.Close()
		_ = store.Close()
	})
	return c
}

// act makes the centre answer with a function from now on.
func (c *centre) act(answer func(http.ResponseWriter, *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *centre) place(tag string) Place {
	return Place{Host: c.Listener.Addr().String(), Repository: "bayplan/reports", Tag: tag}
}

func (c *centre) client(t *testing.T) *registry.Client {
	t.Helper()
	client, err := registry.New([]registry.Host{{Name: c.Listener.Addr().String(), TLS: transport.Disabled}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (c *centre) sender(t *testing.T, tag string) Sender {
	return Sender{Client: c.client(t), To: c.place(tag)}
}

// sites reads what the centre has, and judges it.
func (c *centre) sites(t *testing.T) document.Sites {
	t.Helper()
	found, now, err := Read(t.Context(), c.client(t), c.place(""))
	if err != nil {
		t.Fatal(err)
	}
	return Judge{From: c.place(""), Now: now, Silent: 48 * time.Hour}.Sites(found)
}

// report makes the report of a run that ended some time ago.
func report(site string, ago time.Duration) document.SiteReport {
	ended := time.Now().Add(-ago).UTC()
	return document.SiteReport{
		Site: site, StateID: "state-of-" + site, Host: "host-of-" + site, Version: "1.0", Plan: "edge", PlanDigest: "sha256:plan", LockDigest: "sha256:lock",
		Mode: runner.ModeApply, Began: ended.Add(-time.Minute), Ended: ended, Took: 60, Verdict: document.VerdictDone, LastDone: ended, Steps: []document.SiteStep{},
	}
}

func failed(r document.SiteReport, since time.Duration) document.SiteReport {
	r.Verdict, r.ExitCode, r.Error, r.FailingSince = document.VerdictFailed, 1, "images: no route to host", time.Now().Add(-since).UTC()
	return r
}

func send(t *testing.T, s Sender, r document.SiteReport) []string {
	t.Helper()
	notes, err := s.Send(t.Context(), Sending{Report: r})
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

// states gives a line for each site.
func states(d document.Sites) []string {
	var all []string
	for _, s := range d.Sites {
		all = append(all, fmt.Sprintf("%s %s %s", s.Tag, s.State, strings.Join(s.Notes, "; ")))
	}
	return all
}

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

// Each report costs a request for its manifest and one for its bytes.
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

// The clock of a site counts for nothing where the registry tells the time.
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

// A registry that tells no time, one whose clock is not that of this host, and an answer of
// a cache.
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

// An older report does not replace a newer one, whatever its own clock says.
func TestTheNewestReportStays(t *testing.T) {
	c := newCentre(t)
	s := c.sender(t, "edge1")
	send(t, s, report("edge1", time.Minute))
	if _, err := s.Send(t.Context(), Sending{Report: report("edge1", time.Hour)}); err == nil || !strings.Contains(err.Error(), "newer report") {
		t.Errorf("an older report: %v", err)
	}
	s.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if _, err := s.Send(t.Context(), Sending{Report: report("edge1", -time.Hour)}); err == nil {
		t.Error("an older report by a clock that is ahead: no error")
	}
	s.Now = nil
	send(t, s, report("edge1", 0))
	// The registry's clock was wrong when it took a report.
	c.act(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", time.Now().Add(9000*time.Hour).UTC().Format(http.TimeFormat))
		return false
	})
	send(t, s, report("edge1", 0))
	c.act(nil)
	send(t, s, failed(report("edge1", 0), 0))
	if d := c.sites(t); d.Sites[0].State != document.SiteFailing {
		t.Errorf("%+v", d.Sites[0])
	}
}

// Two sites with one tag are told, by both and by the centre.
func TestTwoSitesWithOneTag(t *testing.T) {
	c := newCentre(t)
	s := c.sender(t, "edge")
	if notes := send(t, s, report("a", 3*time.Second)); len(notes) > 0 {
		t.Errorf("the first one: %q", notes)
	}
	if notes := send(t, s, report("b", 2*time.Second)); len(notes) != 1 || !strings.Contains(notes[0], "another state, on host-of-a") {
		t.Errorf("the second one: %q", notes)
	}
	if got := states(c.sites(t)); !strings.Contains(got[0], "it calls itself b; another state has written to this tag, too, on host-of-a") {
		t.Errorf("the centre: %q", got)
	}
	send(t, s, report("b", time.Second))
	if got := states(c.sites(t)); strings.Contains(got[0], "another state") {
		t.Errorf("one alone again: %q", got)
	}
}

// What is no report is not replaced, and one that is damaged is.
func TestWhatStandsAtTheTag(t *testing.T) {
	c := newCentre(t)
	client := c.client(t)
	s := c.sender(t, "edge1")
	put := func(kind, text string) {
		t.Helper()
		if err := client.PutSmallFile(t.Context(), s.To.String(), registry.SmallFile{Type: kind, MediaType: MediaType, Bytes: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"garbage": "{", "another document": `{"document":"lock","format_version":1}`, "a newer form": `{"document":"site-report","format_version":99}`,
		"no time": `{"document":"site-report","format_version":1,"verdict":"done"}`, "large": strings.Repeat("x", maxReport+1),
	} {
		put(ArtifactType, text)
		if d := c.sites(t); d.Sites[0].State != document.SiteUnreadable || d.Sites[0].Error == "" {
			t.Errorf("%s: %+v", name, d.Sites[0])
		}
	}
	put(ArtifactType, "{")
	send(t, s, report("edge1", 0))
	put("application/vnd.example.other", "{}")
	if _, err := s.Send(t.Context(), Sending{Report: report("edge1", 0)}); err == nil || !strings.Contains(err.Error(), "is no report, and it is left as it is") {
		t.Errorf("got %v", err)
	}
	put(ArtifactType, "{}")
	c.act(func(w http.ResponseWriter, r *http.Request) bool { // the bytes are lost
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/sha256:") {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	if _, err := s.Send(t.Context(), Sending{Report: report("edge1", 0)}); err != nil {
		t.Error(err)
	}
}

// One bad tag does not hide the others.
func TestBadTagsHideNoOthers(t *testing.T) {
	c := newCentre(t)
	for _, site := range []string{"edge1", "edge2", "edge3", "edge4"} {
		send(t, c.sender(t, site), report(site, time.Minute))
	}
	if err := c.client(t).PutSmallFile(t.Context(), c.place("edge2").String(), registry.SmallFile{Type: "application/x", MediaType: "x", Bytes: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	c.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/manifests/edge3") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	want := []string{"edge2 unreadable ", "edge3 unreadable ", "edge1 done ", "edge4 done "}
	if diff := cmp.Diff(want, states(c.sites(t))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A registry that refuses, fails or hangs gives an error within the time of the context.
func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"401": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(401)
		}, "asks for credentials"},
		"500":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) }, "501"},
		"hang": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCentre(t)
			c.act(func(w http.ResponseWriter, r *http.Request) bool {
				tt.answer(w, r)
				return true
			})
			ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
			if name != "hang" {
				ctx = t.Context()
			}
			defer stop()
			if _, err := c.sender(t, "edge1").Send(ctx, Sending{Report: report("edge1", 0)}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A site that may push and not read sends its report all the same.
func TestPushOnly(t *testing.T) {
	c := newCentre(t)
	c.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	send(t, c.sender(t, "edge1"), report("edge1", time.Minute))
	c.act(nil)
	if got := states(c.sites(t)); got[0] != "edge1 done " {
		t.Errorf("got %q", got)
	}
}

// What a site says cannot write on the terminal, nor fill it.
func TestHostileTexts(t *testing.T) {
	c := newCentre(t)
	r := failed(report("edge1", time.Minute), time.Hour)
	r.Error, r.Host, r.Version = "\x1b[2Jno\nedge9  done  \u202e", strings.Repeat("x", 100_000), "1\r2"
	r.Verdict, r.Took, r.Clock, r.Plan = "perfect", 1e300, nil, strings.Repeat("p", 5000)
	send(t, c.sender(t, "edge1"), r)
	d := c.sites(t)
	var out strings.Builder
	if err := Table(&out, d); err != nil {
		t.Fatal(err)
	}
	if s := d.Sites[0]; s.State != document.SiteFailing || len(s.Host) > 2*maxShown || strings.ContainsAny(s.Error+s.Version, "\x1b\n\r\u202e") {
		t.Errorf("%+v", s)
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "edge9") {
			t.Errorf("a line of the report looks like one of bayplan: %s", out.String())
		}
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
}

// A registry may name tags as it likes: each stands in one line, is cut, and hides no site.
func TestHostileTags(t *testing.T) {
	c := newCentre(t)
	send(t, c.sender(t, "edge1"), report("edge1", time.Minute))
	c.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "x", "tags": []string{"edge1", "x\x1b[31m\nedge9  done  \u202e", strings.Repeat("y", 100_000)}})
		return true
	})
	d := c.sites(t)
	var out strings.Builder
	if err := Table(&out, d); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Sites {
		if len(s.Tag) > 2*maxShown || strings.ContainsAny(s.Tag, "\x1b\n\u202e") || (s.State == document.SiteDone) != (s.Tag == "edge1") {
			t.Errorf("%+v", s)
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "edge9") {
			t.Errorf("a tag makes a line that looks like one of bayplan: %s", out.String())
		}
	}
}

// The report is the same size at most, however many steps there are, and failures come first.
func TestLargeRunsFit(t *testing.T) {
	p := &history.Progress{}
	for i := range 3 * maxSteps {
		e := runner.Event{Kind: runner.StepEnd, Step: fmt.Sprintf("step%d", i), Type: "mirror", Status: runner.Unchanged}
		if i > 2*maxSteps {
			e.Status, e.Error = runner.Failed, strings.Repeat("long ", 1000)+"\nmore"
		}
		p.Add(e)
	}
	d := Run{Site: "edge1", Progress: p, ExitCode: 1, Err: errors.New("x")}.Report()
	if len(d.Steps) != maxSteps || d.Steps[0].ID != fmt.Sprintf("step%d", 2*maxSteps+1) || d.LeftOut != 2*maxSteps {
		t.Errorf("%d steps, the first %s, %d left out", len(d.Steps), d.Steps[0].ID, d.LeftOut)
	}
	if b, err := encode(d, nil); err != nil || len(b) > maxReport {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if d.Error == "" || len(d.Error) > 2*maxText || d.Counts[runner.Failed] != maxSteps-1 {
		t.Errorf("error %q, counts %v", d.Error, d.Counts)
	}
}

// The state keeps since when runs fail, and the last report until it is sent. No secret is in
// it.
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

// A run for a part of the plan does not end a failure of the whole.
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

func TestPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"oci://r.example.com:5000/a/b:edge1": "r.example.com:5000/a/b:edge1", "oci://[::1]:5000/a:b_c.d-e": "[::1]:5000/a:b_c.d-e",
		"r.example.com/a:b": "", "oci://r.example.com/a": "", "oci://r.example.com/a:b+c": "", "oci://r.example.com/A:b": "", "oci://a:b": "", "oci:///a:b": "", "oci://r.example.com/a:": "",
		"oci://r.example.com/a@sha256:" + strings.Repeat("0", 64): "", "": "", "oci://u:p@r.example.com/a:b": "", "https://r.example.com/a:b": "", "oci://r.example.com/a:" + strings.Repeat("x", 129): "",
	} {
		p, err := ParseSite(text)
		if want == "" && err == nil || want != "" && p.String() != want {
			t.Errorf("%s: got %q, %v", text, p, err)
		}
	}
	if _, err := ParseAll("oci://r.example.com/a:b"); err == nil {
		t.Error("a tag of all: no error")
	}
	if p, err := ParseAll("oci://r.example.com/a/b"); err != nil || p.String() != "r.example.com/a/b" {
		t.Errorf("got %q, %v", p, err)
	}
}
