package sitereport

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

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
		if name == "large" {
			send(t, s, report("edge1", 0)) // what is damaged is replaced
			put(ArtifactType, text)
		}
		if d := c.sites(t); d.Sites[0].State != document.SiteUnreadable || d.Sites[0].Error == "" {
			t.Errorf("%s: %+v", name, d.Sites[0])
		}
	}
	put(ArtifactType, "{")
	send(t, s, report("edge1", 0))
	put("application/vnd.example.other", "{}")
	if _, err := s.Send(t.Context(), Sending{Report: report("edge1", 0)}); err == nil || !strings.Contains(err.Error(), "is not a report, and it is left as it is") {
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

func TestHostileTimes(t *testing.T) {
	c := newCentre(t)
	for site, change := range map[string]func(*document.SiteReport){
		"edge1": func(r *document.SiteReport) { r.Ended = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC) },
		"edge2": func(r *document.SiteReport) { r.FailingSince = time.Date(-9, 1, 1, 0, 0, 1, 0, time.UTC) },
		"edge3": func(r *document.SiteReport) {
			r.Ended, r.Clock = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), &document.SiteClock{Registry: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), Ahead: 1e300}
		},
		"edge4": func(r *document.SiteReport) { r.Ended = time.Date(9500, 1, 1, 0, 0, 0, 0, time.UTC) },
		"edge5": func(r *document.SiteReport) {},
	} {
		r := report(site, time.Hour)
		change(&r)
		b, err := json.Marshal(r)
		if err != nil { // no JSON has such a year: whoever sends it writes it by hand
			r.FailingSince = time.Time{}
			b, err = json.Marshal(r)
			b = []byte(strings.Replace(string(b), `"verdict"`, `"failing_since":"-009-01-01T00:00:01Z","verdict"`, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
		b = append([]byte(`{"document":"site-report","format_version":1,`), b[1:]...)
		if err := c.client(t).PutSmallFile(t.Context(), c.place(site).String(), registry.SmallFile{Type: ArtifactType, MediaType: MediaType, Bytes: b}); err != nil {
			t.Fatal(err)
		}
	}
	d := c.sites(t)
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
	got := map[string]document.SiteState{}
	for _, s := range d.Sites {
		got[s.Tag] = s.State
	}
	want := map[string]document.SiteState{
		"edge1": document.SiteUnreadable, "edge2": document.SiteUnreadable, "edge3": document.SiteSilent, "edge4": document.SiteUnreadable, "edge5": document.SiteDone,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

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
	large := Run{Site: "edge1", Progress: p, ExitCode: 1, Only: strings.Split(strings.Repeat(strings.Repeat("s", 2000)+" ", 1000), " ")}.Report()
	secrets := redact.New()
	secrets.Add("ssss")
	if b, err := encode(large, secrets); err != nil || len(b) > maxReport || len(large.Only) > maxChosen {
		t.Errorf("many steps chosen: %d bytes, %v", len(b), err)
	}
	if d.Error == "" || len(d.Error) > 2*maxText || d.Counts[runner.Failed] != maxSteps-1 {
		t.Errorf("error %q, counts %v", d.Error, d.Counts)
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
