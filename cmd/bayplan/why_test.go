package main

import (
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// For a step without a record, why claims no more than the state knows.
func TestNoRecord(t *testing.T) {
	const none = "there is no record of a success that still holds"
	for _, tt := range []struct {
		name string
		last *runner.Last
		want string
	}{
		{"nothing", nil, "there is no record of it: it has not succeeded here yet"},
		{"a success", &runner.Last{Kind: "done"}, none + ": the step was of another type"},
		{"a failure", &runner.Last{Kind: "failed"}, none + ": its last run failed"},
		{"a verify", &runner.Last{Kind: "refuted"}, none + ": the last verify found a difference"},
		{"a start", &runner.Last{Kind: "started"}, none + ": its last run did not finish"},
		{"what is not known yet", &runner.Last{Kind: "moved"}, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := noRecord(tt.last); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
