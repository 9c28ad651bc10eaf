package sitereport

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/runner"
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

// Each report costs a request for its manifest and one for its bytes.
// The clock of a site counts for nothing where the registry tells the time.
// A registry that tells no time, one whose clock is not that of this host, and an answer of
// a cache.
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

// What is not a report is not replaced, and one that is damaged is.
// One bad tag does not hide the others.
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

// A report whose times nobody can have is unreadable, and hides no other site.
// A report from the future blocks no tag, and is not what others are compared with.
// Sites that should have reported and have not are told.
// What a site says cannot write on the terminal, nor fill it.
// The report is the same size at most, however many steps there are, and failures come first.
// The state keeps since when runs fail, and the last report until it is sent. No secret is in
// it.
// Runs for one part end their own failure, and no other.
// A run for a part of the plan does not end a failure of the whole.
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
