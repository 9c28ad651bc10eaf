package main

import (
	"testing"

	"github.com/bayplan/bayplan/runner/history"
)

func TestChangedText(t *testing.T) {
	changes := func(ids ...string) []history.StepChange {
		var all []history.StepChange
		for _, id := range ids {
			all = append(all, history.StepChange{Step: id})
		}
		return all
	}
	tests := map[string]struct {
		result history.Result
		want   string
	}{
		"nothing":    {history.Result{}, "nothing"},
		"one step":   {history.Result{Changed: changes("a"), Items: 1, Bytes: 2048}, "1 item, 2.0 KiB: a"},
		"no items":   {history.Result{Changed: changes("a"), Bytes: 7}, "7 B: a"},
		"many steps": {history.Result{Changed: changes("a", "b", "c", "d", "e", "f"), Items: 6}, "6 items: a, b, c, d and 2 more"},
		"five steps": {history.Result{Changed: changes("a", "b", "c", "d", "e"), Items: 6}, "6 items: a, b, c, d, e"},
		"instances":  {history.Result{Changed: changes("a", `s["x"]`, `s["y"]`, `t["x"]`), Items: 4}, `4 items: a, s (2 steps), t["x"]`},
		"failures":   {history.Result{Changed: changes("a"), Items: 1, Failed: []history.StepFailure{{Step: "b"}, {Step: "c"}}}, "1 item: a; failed: b, c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := changedText(&history.Run{Result: test.result}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
