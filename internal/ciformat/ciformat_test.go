package ciformat

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChoose(t *testing.T) {
	for name, tt := range map[string]struct {
		word string
		env  map[string]string
		want System
		root string
	}{
		"none":           {"", map[string]string{"GITHUB_ACTIONS": "true"}, None, ""},
		"auto at home":   {Auto, nil, None, ""},
		"auto at GitHub": {Auto, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "/w"}, GitHub, "/w"},
		"auto at GitLab": {Auto, map[string]string{"GITLAB_CI": "true", "CI_PROJECT_DIR": "/p"}, GitLab, "/p"},
		"by name":        {"gitlab", map[string]string{"GITHUB_ACTIONS": "true"}, GitLab, ""},
	} {
		t.Run(name, func(t *testing.T) {
			variable := func(name string) string { return tt.env[name] }
			got, err := Choose(tt.word, variable)
			if got != tt.want || err != nil || got.Root(variable) != tt.root {
				t.Errorf("got %q, %v, root %q", got, err, got.Root(variable))
			}
		})
	}
	if _, err := Choose("jenkins", nil); err == nil {
		t.Error("an unknown system is taken")
	}
}

func TestAnnotation(t *testing.T) {
	for name, tt := range map[string]struct {
		p    Problem
		want string
	}{
		"a place":        {Problem{Error, "plan", "a/b.yaml", 3, 5, "mistake", "no such step"}, "::error file=a/b.yaml,line=3,col=5,title=mistake::no such step"},
		"a warning":      {Problem{Severity: Warning, File: "b.yaml", Text: "x"}, "::warning file=b.yaml::x"},
		"no place":       {Problem{Severity: Error, Line: 3, Text: "x"}, "::error::x"},
		"its characters": {Problem{Severity: Error, File: "a:b,c%.yaml", Title: "x: y,z", Text: "100 %\r\n::error::a, b: c"}, "::error file=a%3Ab%2Cc%25.yaml,title=x%3A y%2Cz::100 %25%0D%0A::error::a, b: c"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Annotation(tt.p); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if got := Group("a\n::error::b"); got != "::group::a%0A::error::b" {
		t.Errorf("got %s", got)
	}
}

func TestSection(t *testing.T) {
	begin, end := Section("bayplan diff: a", "bayplan diff", time.Unix(7, 0))
	if want := "\x1b[0Ksection_start:7:bayplan_diff_a\r\x1b[0Kbayplan diff\n"; begin != want {
		t.Errorf("got %q", begin)
	}
	if want := "\x1b[0Ksection_end:9:bayplan_diff_a\r\x1b[0K\n"; end(time.Unix(9, 0)) != want {
		t.Errorf("got %q", end(time.Unix(9, 0)))
	}
}

func TestCodeQuality(t *testing.T) {
	problems := []Problem{
		{Error, "validate", "a.yaml", 3, 5, "", "no such step"},
		{Warning, "validate", "", 0, 0, "", "locked"},
		{Error, "validate", "a.yaml", 9, 5, "", "no such step"},
	}
	of := Source{"validate", []string{"plan.yaml"}}
	text, err := CodeQuality(nil, of, problems)
	if err != nil {
		t.Fatal(err)
	}
	var got []codeQualityIssue
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	prints := map[string]bool{}
	for i := range got {
		prints[got[i].Fingerprint] = true
		got[i].Fingerprint = ""
	}
	want := []codeQualityIssue{
		{"no such step", "validate", "", "critical", location{"a.yaml", lines{3}}, of.Plans},
		{"locked", "validate", "", "minor", location{"plan.yaml", lines{1}}, of.Plans},
		{"no such step", "validate", "", "critical", location{"a.yaml", lines{9}}, of.Plans},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(prints) != 3 {
		t.Errorf("%d fingerprints\n%s", len(prints), diff)
	}
	problems[0].Line = 4 // it has moved
	if again, err := CodeQuality(nil, of, problems[:1]); err != nil || !prints[fingerprint(t, again)] {
		t.Errorf("a problem that has moved has another fingerprint: %s, %v", again, err)
	}
	if text, err := CodeQuality([]byte(" "), of, nil); string(text) != "[]\n" || err != nil {
		t.Errorf("without problems: %q, %v", text, err)
	}
}

// The report of a job has what all its commands have found.
func TestCodeQualityOfSeveralCommands(t *testing.T) {
	report := []byte(`[{"description": "of another program", "check_name": "lint", "more": 1}]`)
	add := func(check, plan string, texts ...string) {
		t.Helper()
		var problems []Problem
		for _, text := range texts {
			problems = append(problems, Problem{Severity: Error, Check: check, File: plan, Line: 1, Text: text})
		}
		var err error
		if report, err = CodeQuality(report, Source{check, []string{plan}}, problems); err != nil {
			t.Fatal(err)
		}
	}
	add("validate", "a.yaml", "one", "two")
	add("validate", "b.yaml", "three")
	add("diff", "a.yaml", "four")
	add("validate", "a.yaml", "two")
	var got []string
	var issues []codeQualityIssue
	if err := json.Unmarshal(report, &issues); err != nil {
		t.Fatal(err)
	}
	for _, i := range issues {
		got = append(got, i.CheckName+" "+i.Location.Path+" "+i.Description)
	}
	want := []string{"lint  of another program", "validate b.yaml three", "diff a.yaml four", "validate a.yaml two"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if _, err := CodeQuality([]byte("{}"), Source{}, nil); err == nil {
		t.Error("what is not a report was taken for one")
	}
}

func fingerprint(t *testing.T, text []byte) string {
	t.Helper()
	var got []codeQualityIssue
	if err := json.Unmarshal(text, &got); err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	return got[0].Fingerprint
}

// No line of a text is a command for GitHub's runner, wherever it trims.
func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"a::b\n c:: d":                    "a::b\n c:: d",
		"::error::x\n":                    "·::error::x\n",
		"m: l\n  ::error::x\n\u00a0\t::y": "m: l\n  ·::error::x\n\u00a0\t·::y",
		"a ##[error]b":                    "a ##·[error]b",
	} {
		if got := Inert(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
