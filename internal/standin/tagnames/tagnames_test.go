package tagnames

import (
	"testing"

	"github.com/bayplan/bayplan/internal/tagselect"
)

// Of the tags, a rule chooses as many as it wants, and not all of them.
func TestFor(t *testing.T) {
	for name, tt := range map[string]struct {
		rule    tagselect.Rule
		atLeast int
	}{
		"all tags":                  {tagselect.Rule{}, 1},
		"an expression":             {tagselect.Rule{Match: []string{`13\.0-\d+`}}, 3},
		"the newest":                {tagselect.Rule{Match: []string{`v[0-9]+\.[0-9]+\.[0-9]+`}, Newest: 3, Also: []string{"latest"}}, 1},
		"a range":                   {tagselect.Rule{Version: ">=13.0-36 <14", Except: []string{`.*-rc\d+`}}, 1},
		"a narrow range":            {tagselect.Rule{Version: ">=1.29 <1.30", Match: []string{`v1\.\d+\.\d+`}, Newest: 2}, 2},
		"a range with a suffix":     {tagselect.Rule{Version: ">=3.9 <4", Match: []string{`[0-9.]+-alpine`}}, 2},
		"a year":                    {tagselect.Rule{Match: []string{`20\d\d\.\d(-ubuntu-(jammy|noble))?`}, Newest: 2}, 1},
		"of several":                {tagselect.Rule{Match: []string{`main`, `stable-.+`}}, 1},
		"days":                      {tagselect.Rule{Match: []string{`20[0-9]{6}`}, Newest: 1}, 1},
		"two ranges":                {tagselect.Rule{Version: ">=1.2 <1.3 || >=3 <3.1"}, 1},
		"many of an expression":     {tagselect.Rule{Match: []string{`3[.][0-9]+`}}, 50},
		"many of digits":            {tagselect.Rule{Match: []string{`v\d+\.\d+`}}, 300},
		"many of a range":           {tagselect.Rule{Version: ">=1.20 <2"}, 120},
		"many of a narrow range":    {tagselect.Rule{Version: ">=1.29 <1.30", Match: []string{`v1\.\d+\.\d+`}}, 60},
		"many of all":               {tagselect.Rule{}, 50},
		"the newest of many":        {tagselect.Rule{Match: []string{`\d+\.\d+\.\d+`}, Newest: 100}, 1},
		"many with a suffix":        {tagselect.Rule{Match: []string{`[0-9.]+-alpine`}, Version: ">=3.9"}, 60},
		"an expression and a range": {tagselect.Rule{Match: []string{`ubi9-.*`, `\d+\.\d+`}, Version: ">=9.2"}, 1},
	} {
		choice, err := tt.rule.Choose("q.io/a", For(tt.rule, tt.atLeast))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := max(tt.rule.Newest, tt.atLeast); len(choice.Chosen) < want {
			t.Errorf("%s: of %v the rule chooses %v, want %d", name, For(tt.rule, tt.atLeast), choice.Chosen, want)
		}
	}
}

func TestExamples(t *testing.T) {
	for pattern, n := range map[string]int{`a`: 1, `[0-9]`: 10, `(a|b)-\d+`: 20, `x{2}y?`: 2, `[^a]`: 5, `.*`: 5, `[`: 0, `[é]`: 1, `v?\d+\.\d+\.\d+`: 30} {
		if got := Examples(pattern, n); len(got) < n {
			t.Errorf("%s: %d examples %q, want %d", pattern, len(got), got, n)
		}
	}
}
