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

// judge prints how far goals are met, and gives how many are not.
func judge(w io.Writer, goals []goal) (missed int) {
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

// atMost is the goal that a ratio is no larger than most.
func atMost(what string, ratio, most float64) goal {
	return goal{fmt.Sprintf("%s, at most %.2f", what, most), fmt.Sprintf("%.2f", ratio), ratio <= most}
}

// atLeast is the goal that a ratio is no smaller than least.
func atLeast(what string, ratio, least float64) goal {
	return goal{fmt.Sprintf("%s, at least %.0f", what, least), fmt.Sprintf("%.2f", ratio), ratio >= least}
}

// flat is the goal that memory does not grow with what is moved.
func flat(peak int64) goal {
	const most = 64 << 20
	return goal{"memory, under 64 MiB", mebibytes(peak) + " MiB", peak < most}
}
