package runner

import (
	"testing"
	"time"
)

func TestSummary(t *testing.T) {
	change := func(bytes ...int64) Finding {
		c := &Change{}
		for _, b := range bytes {
			c.Items = append(c.Items, Item{Bytes: b})
		}
		return Finding{Change: c}
	}
	tests := []struct {
		name  string
		mode  Mode
		steps []*StepReport
		want  string
	}{
		{"nothing to do", ModeApply, []*StepReport{{Status: Unchanged}, {Status: Adopted}}, "0 changed, 2 unchanged, 0 failed in 0.4s"},
		{
			"all sorts", ModeApply,
			[]*StepReport{{Status: Changed}, {Status: Failed}, {Status: Skipped}, {Status: Skipped}, {Status: Interrupted}},
			"1 changed, 0 unchanged, 1 failed, 2 skipped, 1 interrupted in 0.4s",
		},
		{
			"a diff", ModeDiff,
			[]*StepReport{{Status: ToCreate, Finding: change(1<<20, 600<<20)}, {Status: ToChange, Finding: change(300 << 10)}, {Status: Unchanged}},
			"2 to change, 1 unchanged: 3 items, 601.3 MiB to move",
		},
		{"a diff of one item", ModeDiff, []*StepReport{{Status: ToCreate, Finding: change(0)}}, "1 to change, 0 unchanged: 1 item, 0 B to move"},
		{"a diff that finds nothing", ModeDiff, []*StepReport{{Status: Unchanged}}, "0 to change, 1 unchanged"},
		{
			"a diff of all sorts", ModeDiff,
			[]*StepReport{{Status: Waiting}, {Status: CheckAfter}, {Status: Failed}, {Status: Skipped}, {Status: Interrupted}},
			"0 to change, 0 unchanged, 1 waiting, 1 to check, 1 failed, 1 skipped, 1 interrupted",
		},
		{"a verify", ModeVerify, []*StepReport{{Status: Verified}, {Status: Failed}}, "1 verified, 1 failed in 0.4s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Report{Mode: tt.mode, Steps: tt.steps, Took: 400 * time.Millisecond}
			if got := r.Summary(); got != tt.want {
				t.Errorf("Summary = %q, want %q", got, tt.want)
			}
		})
	}
}
