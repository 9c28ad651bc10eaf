package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// A sitesResult is what BenchmarkSites in cmd/bayplan-temporal writes. Bytes are those of blobs,
// where nothing else is said.
type sitesResult struct {
	Sites                 int
	First, Again, OneMore sitesRun
	Memory, ServerMemory  int64 // peaks, of all workers together and of Temporal's server
}

// A sitesRun is one run over all sites.
type sitesRun struct {
	Wall, Bound, CPU float64 // seconds
	Upstream, Unique int64   // bytes that upstream has sent, and bytes of its blobs
	Egress, Lacked   int64   // bytes that the centre has sent to sites, and that they lacked
	Unequal          int     // sites that were sent something else than what they lacked
	Manifests        int64   // bytes that the centre has sent besides blobs
	Events           int     // of the workflow's history
	HistoryBytes     int
	Payloads         map[string]sitesSize // of events, by their kind
}

type sitesSize struct{ Count, Sum, Most int }

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
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r sitesResult
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return r.goals(), r.print(w)
}

func (r *sitesResult) goals() []goal {
	one := r.First.Events / r.Sites
	return []goal{
		atMost("200 sites, wall / bound of the lines", r.First.Wall/r.First.Bound, 1.2),
		exactly("bytes from upstream / its blobs", r.First.Upstream, r.First.Unique),
		exactly("bytes to sites / what they lacked", r.First.Egress, r.First.Lacked),
		exactly("sites that got something else", int64(r.First.Unequal+r.Again.Unequal+r.OneMore.Unequal), 0),
		exactly("bytes in a run with nothing to do", r.Again.Upstream+r.Again.Egress, 0),
		exactly("bytes for one site more / what it lacked", r.OneMore.Upstream+r.OneMore.Egress, r.OneMore.Lacked),
		atMost("events for one site more / events a site", float64(r.OneMore.Events-r.Again.Events)/float64(max(one, 1)), 2),
	}
}

// exactly is the goal that a number is want.
func exactly(what string, got, want int64) goal {
	return goal{fmt.Sprintf("%s, exactly %d", what, want), fmt.Sprint(got), got == want}
}

func (r *sitesResult) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d sites; memory of all workers and registries %s MiB, of Temporal's server %s MiB\n", r.Sites, mebibytes(r.Memory), mebibytes(r.ServerMemory))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "run\twall s\tbound s\tCPU s\tupstream MB\tto sites MB\tmanifests MB\tevents\thistory kB\t")
	for _, row := range []struct {
		name string
		sitesRun
	}{{"first", r.First}, {"again", r.Again}, {"one site more", r.OneMore}} {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%d\t\n", row.name, row.Wall, row.Bound, row.CPU,
			float64(row.Upstream)/1e6, float64(row.Egress)/1e6, float64(row.Manifests)/1e6, row.Events, row.HistoryBytes/1000)
	}
	fmt.Fprintln(t, "\t\t\t\t\t\t\t\t\t")
	fmt.Fprintln(t, "events of the first run\tnumber\tmean bytes\tmost bytes\t")
	for _, kind := range slices.Sorted(maps.Keys(r.First.Payloads)) {
		s := r.First.Payloads[kind]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", kind, s.Count, s.Sum/s.Count, s.Most)
	}
	return t.Flush()
}
