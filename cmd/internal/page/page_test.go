package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

var began = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// after gives a time in the run.
func after(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

// kept keeps a run in a state and reads it from there.
func kept(t *testing.T, info history.Info, events ...runner.Event) *history.Run {
	t.Helper()
	s, err := runner.OpenStore(filepath.Join(t.TempDir(), "p"), "/plans/p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	info.Began = began
	if info.Plan == "" {
		info.Plan, info.Mode = "site", runner.ModeApply
	}
	l, err := history.Begin(s, info, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		l.Observe(e)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	runs, err := history.List(s)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, error %v", len(runs), err)
	}
	return runs[0]
}

func pageOf(t *testing.T, run *history.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An element is an HTML element with the text in it.
type element struct {
	name  string
	attrs map[string]string
	path  string // the names of the elements that it is in
	text  string

	building strings.Builder
}

// elements parses a page. Its script and its style are left out.
func elements(t *testing.T, page string) []*element {
	t.Helper()
	page = regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`).ReplaceAllString(page, "<$1></$1>")
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!DOCTYPE html>\n")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var all, open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(open) > 0 {
				t.Errorf("<%s> is not closed", open[len(open)-1].name)
			}
			return all
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			for _, o := range open {
				e.path += o.name + " "
			}
			all, open = append(all, e), append(open, e)
		case xml.EndElement:
			if last := open[len(open)-1].name; last != token.Name.Local {
				t.Errorf("</%s> closes <%s>", token.Name.Local, last)
			}
			e := open[len(open)-1]
			e.text = e.building.String()
			open = open[:len(open)-1]
		case xml.CharData:
			for _, o := range open {
				o.building.Write(token)
			}
		}
	}
}

func named(all []*element, name string) []*element {
	return slices.DeleteFunc(slices.Clone(all), func(e *element) bool { return e.name != name })
}

func texts(all []*element) []string {
	var out []string
	for _, e := range all {
		out = append(out, strings.Join(strings.Fields(e.text), " "))
	}
	return out
}

// failedRun is a run in which much happens.
func failedRun(t *testing.T) *history.Run {
	t.Helper()
	image := func(name string) runner.Item {
		return runner.Item{Op: runner.Create, What: "image", Name: "r.test/" + name + ":1", Bytes: 1 << 20, Size: 3 << 20, To: "sha256:0123456789abcdef" + name}
	}
	done := image("done")
	done.Began, done.Mounted = after(1), 1<<20
	file := runner.Item{Op: runner.Update, What: "file", Name: "/etc/x", Old: "a\nb\nc\n", New: "a\nB\nc\n"}
	broken, undone := image("broken"), image("undone")
	return kept(t,
		history.Info{
			Plan: "site", Mode: runner.ModeApply, Version: "v1", Command: "bayplan apply",
			Steps: []history.Step{
				{ID: "files", Type: "prepare"},
				{ID: "mirror", Type: "mirror", Needs: []runner.Edge{{From: "files", To: "mirror", Kind: runner.Reference, Output: "env"}}},
				{ID: "check", Type: "verify-catalog", Needs: []runner.Edge{{From: "mirror", To: "check", Kind: runner.Need}}},
			},
			Texts: []plan.SourceText{{File: "site.yaml", Text: "apiVersion: bayplan/v1\nname: site\n", Digest: "sha256:aa"}},
		},
		runner.Event{Time: began, Kind: runner.RunBegin, Mode: runner.ModeApply, Items: 3},
		runner.Event{Time: after(0), Kind: runner.StepBegin, Step: "files", Type: "prepare"},
		runner.Event{Time: after(0), Kind: runner.StepChange, Step: "files", Items: 1, Change: []runner.Item{file}},
		runner.Event{Time: after(1), Kind: runner.ItemDone, Step: "files", Item: &file},
		runner.Event{Time: after(1), Kind: runner.StepEnd, Step: "files", Type: "prepare", Status: runner.Changed, Took: 1, Notes: []string{"a note"}},
		runner.Event{Time: after(1), Kind: runner.StepBegin, Step: "mirror", Type: "mirror"},
		runner.Event{Time: after(1), Kind: runner.StepChange, Step: "mirror", Items: 3, Change: []runner.Item{image("done"), broken, undone}},
		runner.Event{Time: after(2), Kind: runner.Retrying, Step: "mirror", Attempt: 1, Error: "line broke"},
		runner.Event{Time: after(3), Kind: runner.ItemDone, Step: "mirror", Item: &done},
		runner.Event{
			Time: after(4), Kind: runner.StepEnd, Step: "mirror", Type: "mirror", Status: runner.Failed, Took: 3, Bytes: 5 << 20,
			Error: "r.test/broken:1: source: not found", Hint: "look there",
			Problems: []fault.Problem{{Kind: "missing", What: "image", Name: "r.test/gone:1", Want: "sha256:bb"}, {Kind: "failed", What: "image", Name: "r.test/broken:1"}},
			Outputs:  runner.Outputs{"images": plan.List("r.test/done:1@sha256:0123456789abcdefdone", "r.test/old:1@sha256:cc")},
		},
		runner.Event{Time: after(4), Kind: runner.StepEnd, Step: "check", Type: "verify-catalog", Status: runner.Skipped, Blame: "mirror", Message: "needs mirror, which failed"},
		runner.Event{Time: after(4), Kind: runner.RunEnd, Mode: runner.ModeApply, Took: 4, Message: "1 changed, 1 failed"},
	)
}

func TestPage(t *testing.T) {
	all := elements(t, pageOf(t, failedRun(t)))
	if got := texts(named(all, "title"))[0]; got != "site: apply of 2026-11-22 13:00:00 UTC, failed" {
		t.Errorf("title %q", got)
	}
	want := []string{"Errors", "Notes", "Steps", "Time line", "Images", "Changes", "Plan", "This run"}
	if diff := cmp.Diff(want, texts(named(all, "h2"))); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
	var images []string
	for _, row := range named(all, "tr") {
		if strings.HasPrefix(row.text, "r.test/") {
			images = append(images, strings.Join(strings.Fields(row.text), " "))
		}
	}
	want = []string{
		"r.test/broken:1mirrorfailed 3.0 MiB",
		"r.test/gone:1mirrormissingsha256:bb",
		"r.test/undone:1mirrornot done 3.0 MiB",
		"r.test/done:1mirrorcreatedsha256:0123456789ab… 3.0 MiB1.0 MiB1.0 MiB2.0 s",
		"r.test/old:1mirrorunchangedsha256:cc",
	}
	if diff := cmp.Diff(want, images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	page := strings.Join(texts(named(all, "main")), "")
	for _, want := range []string{
		"r.test/broken:1: source: not found Hint: look there", "2 problems", "1 step did not run because of this: check",
		"files: a note", "attempt 1 failed at 2026-11-22 13:00:02 UTC: line broke", "5.0 MiB", "~ file /etc/x", "-b", "+B", "bayplan apply", "name: site",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// What people need who use a keyboard or hear the page.
func TestPageForAll(t *testing.T) {
	all := elements(t, pageOf(t, failedRun(t)))
	ids := map[string]bool{}
	for _, e := range all {
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
	}
	if all[0].name != "html" || all[0].attrs["lang"] == "" {
		t.Error("the page has no language")
	}
	level := 0
	for _, e := range all {
		for _, name := range []string{"aria-labelledby", "aria-controls"} {
			if id := e.attrs[name]; id != "" && !ids[id] {
				t.Errorf("%s names %s, which is not there", name, id)
			}
		}
		if to, inside := strings.CutPrefix(e.attrs["href"], "#"); inside && !ids[to] {
			t.Errorf("a link leads to #%s, which is not there", to)
		}
		if n := strings.TrimPrefix(e.name, "h"); len(e.name) == 2 && strings.Contains("123456", n) {
			if next := int(n[0] - '0'); next > level+1 {
				t.Errorf("<%s>%s follows <h%d>", e.name, e.text, level)
			} else {
				level = next
			}
		}
		scope := e.attrs["scope"]
		if e.name == "th" && scope != "col" && scope != "row" {
			t.Errorf("the head %q has no scope", e.text)
		}
		if (e.name == "input" || e.name == "select") && !strings.Contains(e.path, "label ") {
			t.Errorf("<%s> has no label", e.name)
		}
		if e.name == "svg" && e.attrs["aria-label"] == "" {
			t.Error("a drawing has no label")
		}
	}
}

// The page asks nobody for anything, and its policy allows its own script and style only.
func TestPageIsSelfContained(t *testing.T) {
	page := pageOf(t, failedRun(t))
	all := elements(t, page)
	for _, e := range all {
		for _, name := range []string{"src", "href", "action", "data", "srcset", "poster", "background", "formaction"} {
			if value, ok := e.attrs[name]; ok && !strings.HasPrefix(value, "#") && value != "data:," {
				t.Errorf("<%s %s=%q>", e.name, name, value)
			}
		}
		for name := range e.attrs {
			if strings.HasPrefix(name, "on") || name == "style" {
				t.Errorf("<%s %s>: the policy forbids it", e.name, name)
			}
		}
	}
	for _, from := range []string{pageCSS, pageJS, pageHTML} {
		if regexp.MustCompile(`https?:|@import|url\(`).MatchString(from) {
			t.Error("the page names an address")
		}
	}
	i := slices.IndexFunc(all, func(e *element) bool { return e.attrs["http-equiv"] == "Content-Security-Policy" })
	if i < 0 {
		t.Fatal("there is no policy")
	}
	for _, name := range []string{"script", "style"} {
		inside := regexp.MustCompile(`(?s)<`+name+`>(.*?)</`+name+`>`).FindAllStringSubmatch(page, -1)
		if len(inside) != 1 {
			t.Fatalf("%d elements <%s>", len(inside), name)
		}
		if want := name + "-src '" + source(inside[0][1]) + "'"; !strings.Contains(all[i].attrs["content"], want) {
			t.Errorf("the policy %q lacks %s", all[i].attrs["content"], want)
		}
	}
	if !strings.HasPrefix(all[i].attrs["content"], "default-src 'none'; ") || strings.Contains(all[i].attrs["content"], "unsafe") {
		t.Errorf("the policy is %q", all[i].attrs["content"])
	}
}

// Whatever servers, plans and files say stays text.
func TestHostileTexts(t *testing.T) {
	const evil = `</script></title></style></pre><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`{{.}}<!--\u202e\x1b[2J&lt;"
	item := runner.Item{Op: runner.Create, What: "image", Name: evil, Source: evil, Note: evil, From: evil, To: evil, Began: began}
	file := runner.Item{Op: runner.Update, What: evil, Name: evil, Old: "x\n", New: evil + "\n"}
	page := pageOf(t, kept(t,
		history.Info{
			Plan: evil, Mode: evil, Command: evil, Version: evil, Lock: evil,
			Steps: []history.Step{{ID: evil, Type: evil}, {ID: "b", Type: evil, Needs: []runner.Edge{{From: evil, To: "b", Output: evil, Kind: runner.Reference}}}},
			Texts: []plan.SourceText{{File: evil, Text: evil, Digest: evil}},
		},
		runner.Event{Time: began, Kind: runner.StepBegin, Step: evil, Type: evil},
		runner.Event{Time: began, Kind: runner.StepChange, Step: evil, Message: evil, Change: []runner.Item{item, file}},
		runner.Event{Time: after(1), Kind: runner.ItemDone, Step: evil, Item: &item},
		runner.Event{Time: after(1), Kind: runner.Retrying, Step: evil, Error: evil},
		runner.Event{
			Time: after(1), Kind: runner.StepEnd, Step: evil, Type: evil, Status: runner.Failed, Message: evil, Error: evil, Hint: evil, Notes: []string{evil},
			Problems: []fault.Problem{{Kind: evil, What: "image", Name: evil, Want: evil, Have: evil, Lacks: evil}},
			Outputs:  runner.Outputs{"images": plan.List(evil + "@" + evil)},
		},
		runner.Event{Time: after(1), Kind: runner.StepEnd, Step: "b", Type: evil, Status: evil, Message: evil},
		runner.Event{Time: after(2), Kind: runner.RunEnd, Mode: evil, Took: 2, Message: evil},
	))
	all := elements(t, page)
	if n := len(named(all, "script")); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if n := len(named(all, "img")); n != 0 {
		t.Errorf("%d pictures", n)
	}
	if strings.ContainsAny(page, "\x1b\u202e") {
		t.Error("the page holds characters that cannot be seen")
	}
	if n := strings.Count(strings.Join(texts(all), "\n"), "alert(1)"); n < 20 {
		t.Errorf("the text is shown %d times only", n)
	}
}

// A secret that is known when the page is made is not in it.
func TestNoSecrets(t *testing.T) {
	const secret = "hunter2-x"
	item := runner.Item{What: "image", Name: secret, Source: secret, Note: secret}
	run := kept(t,
		history.Info{Plan: "site", Mode: runner.ModeApply, Command: secret, Texts: []plan.SourceText{{File: "site.yaml", Text: "url: x?key=" + secret}}},
		runner.Event{Time: began, Kind: runner.StepChange, Step: "a", Message: secret, Change: []runner.Item{item}},
		runner.Event{Time: began, Kind: runner.StepEnd, Step: "a", Status: runner.Failed, Error: secret, Hint: secret, Notes: []string{secret}},
	)
	r := redact.New()
	r.Add(secret)
	run.Redact(r)
	page := pageOf(t, run)
	if strings.Contains(page, secret) {
		t.Errorf("the page holds the secret:\n%s", page)
	}
	if n := strings.Count(page, redact.Mark); n < 6 {
		t.Errorf("%d masks", n)
	}
}

// manyImages is a run that mirrors images with long names.
func manyImages(t *testing.T, n int) *history.Run {
	t.Helper()
	var change []runner.Item
	events := []runner.Event{{Time: began, Kind: runner.StepBegin, Step: "containers", Type: "mirror"}}
	for i := range n {
		change = append(change, runner.Item{
			Op: runner.Create, What: "image", Name: fmt.Sprintf("undercloud.ctlplane.site-%03d.example.com:8787/rhosp13/openstack-neutron-server-%d:13.0-%d", i%7, i, i),
			Bytes: int64(i) << 20, Size: int64(i) << 22, Note: "14 blobs, 612.3 MiB in all", Source: fmt.Sprintf("registry.access.redhat.com/rhosp13/openstack-neutron-server-%d:13.0-%d", i, i), From: fmt.Sprintf("sha256:%064d", i), To: fmt.Sprintf("sha256:%064d", i+1),
		})
	}
	events = append(events, runner.Event{Time: began, Kind: runner.StepChange, Step: "containers", Items: n, Change: change})
	for i, it := range change {
		it.Began, it.Mounted = after(float64(i)), int64(i)
		events = append(events, runner.Event{Time: after(float64(i) + 30), Kind: runner.ItemDone, Step: "containers", Item: &it})
	}
	events = append(events, runner.Event{Time: after(float64(n)), Kind: runner.StepEnd, Step: "containers", Type: "mirror", Status: runner.Changed})
	return kept(t, history.Info{}, events...)
}

// A page of 500 images is smaller than 1 MB.
func TestSizeOfPage(t *testing.T) {
	page := pageOf(t, manyImages(t, 500))
	if n := strings.Count(page, "<tr><th scope=\"row\">undercloud"); n != 500 {
		t.Errorf("%d images in the table", n)
	}
	if len(page) >= 1_000_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
}
