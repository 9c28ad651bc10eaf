package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A run of an earlier version says neither its plan nor its steps, and a killed one not how
// it ended.
func TestPageOfLittle(t *testing.T) {
	tests := map[string]struct {
		run    *history.Run
		status string
	}{
		"nothing":   {kept(t, history.Info{}), ""},
		"killed":    {kept(t, history.Info{}, runner.Event{Time: began, Kind: runner.StepBegin, Step: "a", Type: "mirror"}), "killed"},
		"not begun": {kept(t, history.Info{Plan: "p", Steps: []history.Step{{ID: "a", Type: "mirror"}}}), "not begun"},
		"left out":  {kept(t, history.Info{Plan: "p", Skip: []string{"a"}, Steps: []history.Step{{ID: "a", Type: "mirror"}}}), "not chosen"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "killed" {
				test.run.State = history.Killed
			}
			all := elements(t, pageOf(t, test.run))
			if rows := texts(named(all, "tbody")); test.status != "" && !strings.Contains(rows[0], "a"+"mirror"+test.status) {
				t.Errorf("the table of steps is %q", rows)
			}
		})
	}
}

func TestTook(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0 ms", 0.0123: "12 ms", 0.44: "0.4 s", 59.94: "59.9 s", 185: "3 min 05 s", 7620: "2 h 07 min"} {
		if got := took(seconds); got != want {
			t.Errorf("took(%v) = %q, want %q", seconds, got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	for seconds, want := range map[float64]string{
		0.035: "0 5 ms 10 ms 15 ms 20 ms 25 ms 30 ms 35 ms", 1.2: "0 0.2 s 0.4 s 0.6 s 0.8 s 1.0 s 1.2 s", 9: "0 1 s 2 s 3 s 4 s 5 s 6 s 7 s 8 s 9 s",
		100: "0 10 s 20 s 30 s 40 s 50 s 1:00 min 1:10 min 1:20 min 1:30 min 1:40 min", 9000: "0 0:20 h", 1_000_000: "0 48:00 h",
	} {
		step, got := tickStep(seconds), ""
		for n := 0; n < 12 && float64(n)*step <= seconds+1e-9; n++ {
			got += " " + tickText(float64(n)*step, step)
		}
		if !strings.HasPrefix(got, " "+want) {
			t.Errorf("%v seconds: %q, want %q", seconds, got, want)
		}
	}
}

// Of very many steps, the instances of a repeated one share a box, which says how they
// ended and leads to the worst of them.
func TestGraphOfRepeatedSteps(t *testing.T) {
	info := history.Info{Plan: "p", Mode: runner.ModeApply, Steps: []history.Step{{ID: "centre", Type: "mirror"}}}
	events := []runner.Event{{Time: began, Kind: runner.StepEnd, Step: "centre", Type: "mirror", Status: runner.Unchanged}}
	for i := range 1000 {
		id := fmt.Sprintf("sites[\"edge%d\"]", i)
		info.Steps = append(info.Steps, history.Step{ID: id, Type: "mirror", Needs: []runner.Edge{{From: "centre", To: id, Kind: runner.Reference, Output: "images"}}})
		status := runner.Changed
		if i == 700 {
			status = runner.Failed
		}
		events = append(events, runner.Event{Time: after(1), Kind: runner.StepEnd, Step: id, Type: "mirror", Status: status, Error: "boom"})
	}
	all := elements(t, pageOf(t, kept(t, info, events...)))
	var boxes []string
	for _, e := range all {
		if e.name == "a" && strings.Contains(e.path, "svg") {
			boxes = append(boxes, e.attrs["href"]+" "+strings.Join(strings.Fields(e.text), " "))
		}
	}
	want := []string{
		"#step-centre centre: unchangedcentremirrorunchanged",
		`#step-sites["edge700"] sites: 999 changed, 1 failedsitesmirror1000 steps999 changed, 1 failed`,
	}
	if diff := cmp.Diff(want, boxes); diff != "" {
		t.Errorf("boxes (-want +got):\n%s", diff)
	}
}

// Where the instances of a repeated step wait for others of them, an arrow leads back.
func TestGraphWithACycleOfGroups(t *testing.T) {
	steps := []history.Step{{ID: `a["1"]`}, {ID: "b", Needs: []runner.Edge{{From: `a["1"]`, To: "b"}}}, {ID: `a["2"]`, Needs: []runner.Edge{{From: "b", To: `a["2"]`}}}}
	for i := range maxBoxes {
		steps = append(steps, history.Step{ID: fmt.Sprint("c", i)})
	}
	d, err := DrawGraph("", steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(d.Inline(), "<rect"); n != len(steps)-1 {
		t.Errorf("%d boxes, want %d", n, len(steps)-1)
	}
	for _, want := range []string{"b waits for a", "a waits for b"} {
		if !strings.Contains(d.Inline(), want) {
			t.Errorf("there is no arrow %q", want)
		}
	}
}

// The page of a very large run is small, and says what it leaves out.
func TestPageOfVeryManySteps(t *testing.T) {
	const n = 5000
	info := history.Info{Plan: "p", Mode: runner.ModeApply}
	var events []runner.Event
	text := strings.Repeat("0123456789abcdef 0123456789abcdef\n", 300)
	for i := range n {
		id := fmt.Sprintf("step-%d", i)
		s := history.Step{ID: id, Type: "prepare"}
		for _, from := range []int{i - 1, i / 2, 0} {
			if from >= 0 && from < i {
				s.Needs = append(s.Needs, runner.Edge{From: fmt.Sprintf("step-%d", from), To: id, Kind: runner.Need})
			}
		}
		info.Steps = append(info.Steps, s)
		end := runner.Event{Time: after(float64(i + 1)), Kind: runner.StepEnd, Step: id, Type: "prepare", Status: runner.Changed, Notes: []string{"a note"}}
		if i%4 == 0 {
			end.Status, end.Error = runner.Failed, strings.Repeat(text, 1+i%2)
			for j := range 20 {
				end.Problems = append(end.Problems, fault.Problem{Kind: "missing", What: "image", Name: fmt.Sprint("r.test/", j%3)})
			}
		}
		file := runner.Item{Op: runner.Update, What: "file", Name: "/etc/" + id, Old: "x", New: text[:1+i/4%2*5000]}
		events = append(events, runner.Event{Time: after(float64(i)), Kind: runner.StepBegin, Step: id, Type: "prepare"},
			runner.Event{Time: after(float64(i)), Kind: runner.StepChange, Step: id, Items: 1, Change: []runner.Item{file}}, end)
	}
	info.Texts = []plan.SourceText{{File: "p.yaml", Text: strings.Repeat(text, 100) + strings.Repeat("x", 1<<20)}}
	page := pageOf(t, kept(t, info, events...))
	if len(page) >= 1_800_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	ids := map[string]bool{}
	all := elements(t, page)
	for _, e := range all {
		ids[e.attrs["id"]] = true
	}
	for _, e := range all {
		if to, inside := strings.CutPrefix(e.attrs["href"], "#"); inside && !ids[to] {
			t.Fatalf("a link leads to #%s, which is not there", to)
		}
	}
	shown := strings.Join(strings.Fields(named(all, "main")[0].text), " ")
	for _, want := range []string{
		"1150 more steps failed or stopped", "4500 more notes", "The graph leaves out 4800 steps;", "The time line leaves out 4850 shorter steps.",
		"more lines of p.yaml", "20 problems; bayplan report --json has them.", "The table leaves out", "(not shown: the page has no room)",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A problem with one image says nothing of another whose name begins like it.
func TestResultsOfImages(t *testing.T) {
	item := func(name string) runner.Item { return runner.Item{Op: runner.Create, What: "image", Name: name} }
	done := item("r.test/nginx:1.26")
	run := kept(t, history.Info{},
		runner.Event{Kind: runner.StepBegin, Step: "a", Type: "mirror"},
		runner.Event{Kind: runner.StepChange, Step: "a", Items: 3, Change: []runner.Item{item("r.test/nginx:1"), item("r.test/nginx:1.25"), done}},
		runner.Event{Kind: runner.ItemDone, Step: "a", Item: &done},
		runner.Event{
			Kind: runner.StepEnd, Step: "a", Type: "mirror", Status: runner.Failed, Error: "r.test/nginx:1.25: boom",
			Problems: []fault.Problem{{Kind: "failed", What: "image", Name: "r.test/nginx:1.25"}},
		})
	r, err := collect(run)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range r.images() {
		got = append(got, row.Name+" "+row.Result)
	}
	want := []string{"r.test/nginx:1.25 failed", "r.test/nginx:1 not done", "r.test/nginx:1.26 created"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// Notes that are lines of a table stay below each other.
func TestTableInNotes(t *testing.T) {
	run := kept(t, history.Info{},
		runner.Event{Time: began, Kind: runner.StepEnd, Step: "a", Status: runner.Adopted, Notes: []string{"+---+", "| x |", "+---+"}},
		runner.Event{Time: began, Kind: runner.StepEnd, Step: "b", Status: runner.Adopted, Notes: []string{"one", "two"}})
	all := elements(t, pageOf(t, run))
	if got := named(all, "pre")[0].text; got != "+---+\n| x |\n+---+\n" {
		t.Errorf("table %q", got)
	}
	if diff := cmp.Diff([]string{"a: +---+ | x | +---+", "b: one", "b: two"}, texts(named(all, "li"))); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}
