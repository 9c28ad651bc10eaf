package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/bayplan/bayplan/internal/dev/bench/counter"
)

// report prints the measurements. Its error joins the failures of the tools.
func (m *mirrorComparison) report(w io.Writer) error {
	fmt.Fprintf(w, "\n%d images, %d blobs in %d references, %s MiB of %s MiB; medians of %d\n\n",
		len(m.set.Images), m.set.Blobs, m.set.References, mebibytes(m.set.Unique), mebibytes(m.set.Logical), m.runs)
	yard, bay := m.find(yardstickName), m.find(bayplanName)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tcold s\tfrom .. to\t/ yardstick\t/ bayplan\tCPU s\t/ yardstick\tMiB in memory\tsource req / MiB\tdest req / MiB\twarm s\twarm req")
	for _, r := range m.results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.tool.name,
			seconds(r.coldTime.WallTime()), r.coldTime.WallRange(), ratio(r.coldTime.WallTime(), yard.coldTime.WallTime()), ratio(r.coldTime.WallTime(), bay.coldTime.WallTime()),
			seconds(r.coldTime.CPUTime()), ratio(r.coldTime.CPUTime(), yard.coldTime.CPUTime()), peakText(r.coldTime),
			r.requests(r.cold.source, r.cold.source.BlobsOut), r.requests(r.cold.dest, r.cold.dest.BlobsIn),
			seconds(r.warmTime.WallTime()), r.warmRequests())
	}
	_ = t.Flush()
	m.reportFar(w, yard, bay)
	return m.reportFailures(w)
}

func (m *mirrorComparison) reportFar(w io.Writer, yard, bay *result) {
	if len(yard.farTime) == 0 && len(bay.farTime) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe source behind %s and %.0f Mbit/s\n\n", m.delay, m.rate*8/1e6)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tcold s\tfrom .. to\t/ yardstick\t/ bayplan\tCPU s\tMiB in memory")
	for _, r := range m.results {
		if len(r.farTime) > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.tool.name, seconds(r.farTime.WallTime()), r.farTime.WallRange(),
				ratio(r.farTime.WallTime(), yard.farTime.WallTime()), ratio(r.farTime.WallTime(), bay.farTime.WallTime()),
				seconds(r.farTime.CPUTime()), peakText(r.farTime))
		}
	}
	_ = t.Flush()
}

// reportFailures prints which tools could not be measured completely. Unless
// strict, it is no error if that is another tool than bayplan and the yardstick:
// without a network it may be impossible to install.
func (m *mirrorComparison) reportFailures(w io.Writer) error {
	var errs []error
	for _, r := range m.results {
		if r.err == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s: %v\n", r.tool.name, r.err)
		if r.tool.name != yardstickName && r.tool.name != bayplanName && !m.strict {
			continue
		}
		errs = append(errs, fmt.Errorf("%s was not measured completely", r.tool.name))
	}
	return errors.Join(errs...)
}

// find returns the result of a tool, an empty one if the tool was left out.
func (m *mirrorComparison) find(name string) *result {
	for _, r := range m.results {
		if r.tool.name == name {
			return r
		}
	}
	return &result{}
}

func (r *result) requests(c counter.Counts, bytes int64) string {
	if !r.counted {
		return "-"
	}
	return fmt.Sprintf("%d / %s", c.Requests, mebibytes(bytes))
}

func (r *result) warmRequests() string {
	if !r.counted {
		return "-"
	}
	return fmt.Sprintf("%d + %d", r.warm.source.Requests, r.warm.dest.Requests)
}
