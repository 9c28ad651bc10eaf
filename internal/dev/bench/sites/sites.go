// Package sites shows what the benchmark of 200 sites in cmd/bayplan-temporal has measured.
package sites

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
)

// A Result is what BenchmarkSites in cmd/bayplan-temporal writes. Bytes are those of blobs,
// where nothing else is said.
type Result struct {
	Sites                 int
	First, Again, OneMore Run
	Memory, ServerMemory  int64 // peaks, of all workers together and of Temporal's server
}

// A Run is one run over all sites.
type Run struct {
	Wall, Bound, CPU float64 // seconds
	Upstream, Unique int64   // bytes that upstream has sent, and bytes of its blobs
	Egress, Lacked   int64   // bytes that the centre has sent to sites, and that they lacked
	Unequal          int     // sites that were sent something else than what they lacked
	Manifests        int64   // bytes that the centre has sent besides blobs
	Events           int     // of the workflow's history
	HistoryBytes     int
	Payloads         map[string]Size // of events, by their kind
}

// A Size is that of the events of one kind, in bytes.
type Size struct{ Count, Sum, Most int }

// Read reads a Result from the file that the benchmark has written.
func Read(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return r, nil
}

// Print prints tables of the runs, and of the events of the first one.
func (r *Result) Print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d sites; memory of all workers and registries %d MiB, of Temporal's server %d MiB\n", r.Sites, r.Memory>>20, r.ServerMemory>>20)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "run\twall s\tbound s\tCPU s\tupstream MB\tto sites MB\tmanifests MB\tevents\thistory kB\t")
	for _, row := range []struct {
		name string
		Run
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
