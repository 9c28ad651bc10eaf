package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

func TestExplain(t *testing.T) {
	body := with(t, "    with:\n      paths: [/a, /b]\n      sources: [{ from: x }]\n      labels: { a.b: c, a: d }\n")
	plain := errors.New("is wrong")
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"nil", nil, nil},
		{"no field", plain, []string{"8:5: is wrong"}},
		{"field", plan.At("paths", plain), []string{"9:14: is wrong"}},
		{"item", plan.At("paths[1]", plain), []string{"9:19: is wrong"}},
		{"below", plan.At("sources[0].from", plain), []string{"10:25: is wrong"}},
		{"nested", plan.At("sources[0]", plan.At("from", plain)), []string{"10:25: is wrong"}},
		{"nested index", plan.At("paths", plan.At("[0]", plain)), []string{"9:15: is wrong"}},
		{"key with a dot", plan.At("labels.a.b", plain), []string{"11:22: is wrong"}},
		{"absent field", plan.At("mode", plain), []string{"8:5: mode: is wrong"}},
		{"absent item", plan.At("paths[7]", plain), []string{"9:14: paths[7]: is wrong"}},
		{"no path", plan.At("paths[", plain), []string{"9:14: paths[: is wrong"}},
		{"hint", plan.At("paths", fault.WithHint(plain, "do this")), []string{"9:14: is wrong (do this)"}},
		{"hint outside", fault.WithHint(plan.At("paths", plain), "do this"), []string{"9:14: paths: is wrong (do this)"}},
		{"joined", errors.Join(plan.At("paths[0]", plain), plain), []string{"9:15: is wrong", "8:5: is wrong"}},
		{"joined inside", plan.At("paths", errors.Join(plan.At("[0]", plain), plan.At("[1]", plain))), []string{"9:15: is wrong", "9:19: is wrong"}},
		{"in other words", fmt.Errorf("so: %w", plan.At("paths", plain)), []string{"9:14: so: paths: is wrong"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, messages(body.Explain(tt.err))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if plan.At("x", nil) != nil {
		t.Error("At makes an error of nil")
	}
	if got := body.Errorf("sources[0].from", "bad %d", 1).Text(); !strings.Contains(got, "10:25: bad 1\n          sources: [{ from: x }]\n") {
		t.Errorf("got %s", got)
	}
}
