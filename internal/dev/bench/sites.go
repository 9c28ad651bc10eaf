package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
	"github.com/bayplan/bayplan/internal/dev/bench/sites"
)

// compareSites measures one plan that bayplan-temporal carries to 200 sites, each behind a line of
// 20 Mbit/s. bayplan-temporal is a module of its own, and so the measuring is a benchmark there.
func compareSites(ctx context.Context, b *bench, w io.Writer) ([]goal, error) {
	file := filepath.Join(b.dir, "sites.json")
	fmt.Fprintln(b.log, "bench: sites: building Temporal's server takes 5 minutes the first time, and then three runs take 3 minutes")
	if err := b.prepareMachine(ctx); err != nil {
		return nil, err
	}
	err := measure.Quiet(ctx, "env", "CGO_ENABLED=0", "BAYPLAN_TEMPORAL_TEST_AS=bench", "BAYPLAN_BENCH_SITES_OUT="+file,
		"go", "-C", "cmd/bayplan-temporal", "test", "-trimpath", "-vet=off", "-timeout", "40m", "-run", "^$", "-bench", "^BenchmarkSites$", "-benchtime", "1x", ".")
	if err != nil {
		return nil, err
	}
	r, err := sites.Read(file)
	if err != nil {
		return nil, err
	}
	return sitesGoals(r), r.Print(w)
}

func sitesGoals(r *sites.Result) []goal {
	begun := func(run sites.Run) int64 { return int64(run.Payloads["ActivityTaskScheduled"].Count) }
	return []goal{
		atMost("200 sites, wall / bound of the lines", r.First.Wall/r.First.Bound, 1.2),
		exactly("bytes from upstream / its blobs", r.First.Upstream, r.First.Unique),
		exactly("bytes to sites / what they lacked", r.First.Egress, r.First.Lacked),
		exactly("sites that got something else", int64(r.First.Unequal+r.Again.Unequal+r.OneMore.Unequal), 0),
		exactly("bytes in a run with nothing to do", r.Again.Upstream+r.Again.Egress, 0),
		exactly("bytes for one site more / what it lacked", r.OneMore.Upstream+r.OneMore.Egress, r.OneMore.Lacked),
		exactly("steps begun for one site more", begun(r.OneMore)-begun(r.Again), 2), // turns of the workflow differ from run to run
	}
}

// exactly is the goal that a number is want.
func exactly(what string, got, want int64) goal {
	return goal{fmt.Sprintf("%s, exactly %d", what, want), fmt.Sprint(got), got == want}
}
