package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

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
	return fmt.Sprintf("%.2f", over(a, b))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/(1<<20)) }

// over is how many times b a is.
func over(a, b time.Duration) float64 { return float64(a) / float64(b) }
