package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// wallRange returns the times of the fastest and the slowest run. A wide range
// means that other work disturbed the machine.
func (s samples) wallRange() string {
	if len(s) == 0 {
		return "-"
	}
	slower := func(a, b sample) int { return cmp.Compare(a.wall, b.wall) }
	return fmt.Sprintf("%.2f .. %.2f", slices.MinFunc(s, slower).wall.Seconds(), slices.MaxFunc(s, slower).wall.Seconds())
}

// peakText returns the peak memory as text.
func (s samples) peakText() string {
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
	return fmt.Sprintf("%.2f", quotient(a, b))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/(1<<20)) }

// quotient returns a / b.
func quotient(a, b time.Duration) float64 { return float64(a) / float64(b) }
