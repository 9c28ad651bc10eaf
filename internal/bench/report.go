package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints what was measured. Its error is what went wrong.
func (b *bench) report(w io.Writer) error {
	fmt.Fprintf(w, "\n%d images, %d blobs in %d references, %s MiB of %s MiB; medians of %d\n\n",
		len(b.set.Images), b.set.Blobs, b.set.References, mebibytes(b.set.Unique), mebibytes(b.set.Logical), b.runs)
	yard, bay := b.find(yardstickName), b.find(bayplanName)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tcold s\tfrom .. to\t/ yardstick\t/ bayplan\tCPU s\t/ yardstick\tMiB in memory\tsource req / MiB\tdest req / MiB\twarm s\twarm req")
	for _, r := range b.results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.tool.name,
			seconds(r.coldTime.wall()), r.coldTime.span(), ratio(r.coldTime.wall(), yard.coldTime.wall()), ratio(r.coldTime.wall(), bay.coldTime.wall()),
			seconds(r.coldTime.cpu()), ratio(r.coldTime.cpu(), yard.coldTime.cpu()), r.coldTime.peak(),
			r.requests(r.cold.source, r.cold.source.BlobsOut), r.requests(r.cold.dest, r.cold.dest.BlobsIn),
			seconds(r.warmTime.wall()), r.warmRequests())
	}
	_ = t.Flush()
	b.reportFar(w, yard, bay)
	return b.failures(w)
}

func (b *bench) reportFar(w io.Writer, yard, bay *result) {
	if len(yard.farTime) == 0 && len(bay.farTime) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe source behind %s and %.0f Mbit/s\n\n", b.delay, b.rate*8/1e6)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tcold s\tfrom .. to\t/ yardstick\t/ bayplan\tCPU s\tMiB in memory")
	for _, r := range b.results {
		if len(r.farTime) > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.tool.name, seconds(r.farTime.wall()), r.farTime.span(),
				ratio(r.farTime.wall(), yard.farTime.wall()), ratio(r.farTime.wall(), bay.farTime.wall()),
				seconds(r.farTime.cpu()), r.farTime.peak())
		}
	}
	_ = t.Flush()
}

// failures tells which tools could not be measured to the end. One of the
// others that could not be had, say without a network, is no failure.
func (b *bench) failures(w io.Writer) error {
	var errs []error
	for _, r := range b.results {
		if r.err == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s: %v\n", r.tool.name, r.err)
		if r.tool.name != yardstickName && r.tool.name != bayplanName && !b.strict {
			continue
		}
		errs = append(errs, fmt.Errorf("%s was not measured to the end", r.tool.name))
	}
	return errors.Join(errs...)
}

// find gives a tool's result, an empty one where it was left out.
func (b *bench) find(name string) *result {
	for _, r := range b.results {
		if r.tool.name == name {
			return r
		}
	}
	return &result{}
}

func (r *result) requests(c counts, bytes int64) string {
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

// span tells the fastest and the slowest run: how much the machine had else to do.
func (s samples) span() string {
	if len(s) == 0 {
		return "-"
	}
	slower := func(a, b sample) int { return cmp.Compare(a.wall, b.wall) }
	return fmt.Sprintf("%.2f .. %.2f", slices.MinFunc(s, slower).wall.Seconds(), slices.MaxFunc(s, slower).wall.Seconds())
}

// peak is the memory to be printed.
func (s samples) peak() string {
	if s.memory() == 0 {
		return "-"
	}
	return mebibytes(s.memory())
}

func seconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/(1<<20)) }
