package view

import (
	"testing"
	"time"

	"github.com/bayplan/bayplan/runner"
)

func TestDid(t *testing.T) {
	item := func(op runner.Op, what runner.Thing, name string) runner.Item {
		return runner.Item{Op: op, What: what, Name: name}
	}
	for _, tt := range []struct {
		name  string
		items []runner.Item
		end   runner.Event
		want  string
	}{
		{"nothing", nil, runner.Event{}, ""},
		{"one item", []runner.Item{item(runner.Create, "image", "quay.io/a:1")}, runner.Event{Bytes: 5 << 20}, "image quay.io/a:1 created, 5.0 MiB moved"},
		{
			"several kinds",
			[]runner.Item{
				item(runner.Create, "directory", "a"), item(runner.Create, "directory", "b"), item(runner.Update, "file", "c"),
				item(runner.Replace, "image", "d"), item(runner.Remove, "repository", "e"), item(runner.Remove, "repository", "f"), item(runner.Remove, "blobs", ""),
			},
			runner.Event{},
			"2 directories created, 1 file updated, 1 image replaced, 2 repositories removed, 1 blobs removed",
		},
		{"mounted", []runner.Item{{Op: runner.Create, What: "image", Name: "a", Mounted: 3 << 20}, {Op: runner.Create, What: "image", Name: "b", Mounted: 1 << 20}}, runner.Event{}, "2 images created, 4.0 MiB mounted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p progress
			for _, it := range tt.items {
				p.observe(runner.Event{Kind: runner.ItemDone, Step: "a", Item: &it})
			}
			tt.end.Kind, tt.end.Step = runner.StepEnd, "a"
			if got := didText(p.observe(tt.end)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	var m meter
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	if _, known := m.rate(at(5)); known {
		t.Error("a rate without a sample")
	}
	m.add(start, 0)
	if _, known := m.rate(start.Add(time.Second / 2)); known {
		t.Error("a rate after half a second")
	}
	for s := 1; s <= 100; s++ {
		m.add(at(s), int64(s)*1000)
		if got, known := m.rate(at(s)); !known || got != 1000 {
			t.Errorf("after %d s: %v, %v", s, got, known)
		}
	}
	for _, tt := range []struct {
		after int
		want  float64
	}{{105, 500}, {110, 0}, {200, 0}} {
		if got, known := m.rate(at(tt.after)); !known || got != tt.want {
			t.Errorf("it stands still since 100 s; after %d s: %v, %v, want %v", tt.after, got, known, tt.want)
		}
	}
	if len(m.samples) > 12 {
		t.Errorf("%d samples are kept", len(m.samples))
	}
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{59*time.Second + 999*time.Millisecond, "59s"},
		{200 * time.Second, "3m20s"},
		{65 * time.Minute, "1h05m"},
		{51 * time.Hour, "2d03h"},
		{99*24*time.Hour + 23*time.Hour, "99d23h"},
		{1<<63 - 1, "months"},
	} {
		if got := clock(tt.d); got != tt.want || len(got) > timeWidth-2 {
			t.Errorf("%v is %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestWaiting(t *testing.T) {
	p := progress{steps: []Step{
		{ID: "a"},
		{ID: "b"},
		{ID: "c", Needs: []string{"a", "b"}},
		{ID: "d", Needs: []string{"b", "c"}},
		{ID: "e", Needs: []string{"b", "c", "d"}},
		{ID: "f"},
	}}
	for _, e := range []runner.Event{{Kind: runner.StepBegin, Step: "a"}, {Kind: runner.StepBegin, Step: "b"}, {Kind: runner.StepEnd, Step: "a", Status: runner.Changed}} {
		p.observe(e)
	}
	for _, tt := range []struct {
		columns int
		want    string
	}{
		{200, "waiting: c for b; d for b and c; e for b and 2 more; 1 for its turn"},
		{66, "waiting: c for b; d for b and c; e for b and 2 more; 1 more"},
		{50, "waiting: c for b; d for b and c; 2 more"},
		{30, "waiting: c for b; 3 more"},
		{20, "4 steps wait"},
	} {
		if got := p.waiting(tt.columns); got != tt.want {
			t.Errorf("%d columns: got %q, want %q", tt.columns, got, tt.want)
		}
	}
	p.steps = p.steps[:2]
	if got := p.waiting(80); got != "" {
		t.Errorf("nothing waits: %q", got)
	}
}
