package main

import (
	"fmt"
	"io"
)

// A goal is something that bayplan is to reach, and how far it is.
type goal struct {
	what string
	got  string
	met  bool
}

// judge prints how far the goals are met, and gives how many are not. A goal
// for which something was not measured is left out.
func (b *bench) judge(w io.Writer) (missed int) {
	bay := b.find(bayplanName)
	goals := append(b.countGoals(bay), b.timeGoals(bay)...)
	if len(goals) > 0 {
		fmt.Fprintln(w)
	}
	for _, g := range goals {
		verdict := "met   "
		if !g.met {
			verdict = "MISSED"
			missed++
		}
		fmt.Fprintf(w, "%s  %s: %s\n", verdict, g.what, g.got)
	}
	return missed
}

// The requests that the protocol needs, and what a list of tags without
// digests and a look at the catalog add.
const (
	leastSource = 177
	leastDest   = 511
	tagHeads    = setImages
	catalogPage = 1
)

func (b *bench) countGoals(bay *result) []goal {
	if !bay.counted {
		return nil
	}
	exactly := func(what string, got int64) goal {
		return goal{what, fmt.Sprintf("%d of %d bytes", got, b.set.Unique), got == b.set.Unique}
	}
	atMost := func(what string, got, most int) goal {
		return goal{fmt.Sprintf("%s, at most %d", what, most), fmt.Sprint(got), got <= most}
	}
	return []goal{
		exactly("each byte leaves the source once", bay.cold.source.BlobsOut),
		exactly("each byte reaches the destination once", bay.cold.dest.BlobsIn),
		atMost("source requests, cold", bay.cold.source.Requests, leastSource+tagHeads),
		atMost("destination requests, cold", bay.cold.dest.Requests, leastDest+catalogPage),
		atMost("source requests, warm", bay.warm.source.Requests, tagHeads),
		atMost("destination requests, warm", bay.warm.dest.Requests, setImages),
	}
}

func (b *bench) timeGoals(bay *result) []goal {
	if len(bay.coldTime) == 0 {
		return nil
	}
	var goals []goal
	atMost := func(what string, got, than, factor float64) {
		if got > 0 && than > 0 {
			what = fmt.Sprintf("%s, at most %.2f", what, factor)
			goals = append(goals, goal{what, fmt.Sprintf("%.2f", got/than), got <= factor*than})
		}
	}
	yard := b.find(yardstickName)
	atMost("wall / yardstick", bay.coldTime.wall().Seconds(), yard.coldTime.wall().Seconds(), 1.15)
	atMost("CPU / yardstick", bay.coldTime.cpu().Seconds(), yard.coldTime.cpu().Seconds(), 2)
	atMost("wall / yardstick, source far away", bay.farTime.wall().Seconds(), yard.farTime.wall().Seconds(), 1.05)
	for _, r := range b.results {
		faster := 5.0
		switch r.tool.name {
		case yardstickName, bayplanName:
			continue
		case skopeoName:
			faster = 2
		}
		if took := r.coldTime.wall(); took > 0 {
			times := took.Seconds() / bay.coldTime.wall().Seconds()
			what := fmt.Sprintf("times as fast as %s, at least %.0f", r.tool.name, faster)
			goals = append(goals, goal{what, fmt.Sprintf("%.2f", times), times >= faster})
		}
	}
	const most = 64 << 20
	peak := max(bay.coldTime.memory(), bay.farTime.memory())
	return append(goals, goal{"memory, under 64 MiB", mebibytes(peak) + " MiB", peak < most})
}
