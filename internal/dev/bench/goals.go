package main

import (
	"fmt"
	"io"
)

// A goal is a target for bayplan, with the measured value.
type goal struct {
	what string
	got  string
	met  bool
}

// printGoals prints the goals and returns how many are missed.
func printGoals(w io.Writer, goals []goal) (missed int) {
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

// atMost is the goal that a ratio is at most most.
func atMost(what string, ratio, most float64) goal {
	return goal{fmt.Sprintf("%s, at most %.2f", what, most), fmt.Sprintf("%.2f", ratio), ratio <= most}
}

// atLeast is the goal that a ratio is at least least.
func atLeast(what string, ratio, least float64) goal {
	return goal{fmt.Sprintf("%s, at least %.0f", what, least), fmt.Sprintf("%.2f", ratio), ratio >= least}
}

// flatMemory is the goal that memory does not grow with the bytes moved.
func flatMemory(peak int64) goal {
	const most = 64 << 20
	return goal{"memory, under 64 MiB", mebibytes(peak) + " MiB", peak < most}
}
