package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/bench/counter"
)

// measured returns a comparison that meets all goals.
func measured() *mirrorComparison {
	b := &mirrorComparison{
		bench: &bench{options: options{runs: 1, rate: 50e6, delay: 30 * time.Millisecond}},
		set:   &contents{Images: make([]entry, 45), Blobs: 132, References: 289, Unique: 600 << 20, Logical: 4900 << 20},
	}
	add := func(name string, wall, cpu time.Duration) *result {
		r := &result{tool: tool{name: name}, coldTime: timed(cpu, 20<<20, wall), warmTime: timed(cpu, 0, wall/100)}
		b.results = append(b.results, r)
		return r
	}
	add(yardstickName, 2*time.Second, time.Second/2).farTime = timed(0, 0, 13*time.Second)
	bay := add(bayplanName, 2200*time.Millisecond, 900*time.Millisecond)
	bay.farTime, bay.counted = timed(0, 30<<20, 13500*time.Millisecond), true
	bay.cold = requestCounts{counter.Counts{Requests: 177, BlobsOut: 600 << 20}, counter.Counts{Requests: 512, BlobsIn: 600 << 20}}
	bay.warm = requestCounts{counter.Counts{Requests: 45}, counter.Counts{Requests: 45}}
	add(skopeoName, 5*time.Second, 3*time.Second)
	add("crane", 12*time.Second, 7*time.Second)
	return b
}

func TestPrintGoals(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(b *mirrorComparison, bay *result)
		missed string // what the line says
	}{
		{"a byte twice", func(_ *mirrorComparison, bay *result) { bay.cold.source.BlobsOut++ }, "leaves the source once: 629145601 of"},
		{"a byte twice there", func(_ *mirrorComparison, bay *result) { bay.cold.dest.BlobsIn++ }, "reaches the destination once"},
		{"a request", func(_ *mirrorComparison, bay *result) { bay.cold.source.Requests++ }, "source requests, cold, at most 177: 178"},
		{"a request there", func(_ *mirrorComparison, bay *result) { bay.cold.dest.Requests++ }, "destination requests, cold, at most 512: 513"},
		{"a warm request", func(_ *mirrorComparison, bay *result) { bay.warm.source.Requests++ }, "source requests, warm, at most 45: 46"},
		{"a warm request there", func(_ *mirrorComparison, bay *result) { bay.warm.dest.Requests++ }, "destination requests, warm"},
		{"slow", func(_ *mirrorComparison, bay *result) { bay.coldTime[0].Wall = 2350 * time.Millisecond }, "wall / yardstick, at most 1.15: 1.18"},
		{"busy", func(_ *mirrorComparison, bay *result) { bay.coldTime[0].CPU = 1010 * time.Millisecond }, "CPU / yardstick"},
		{"slow far away", func(_ *mirrorComparison, bay *result) { bay.farTime[0].Wall = 14 * time.Second }, "distant source"},
		{"large far away", func(_ *mirrorComparison, bay *result) { bay.farTime[0].Memory = 64 << 20 }, "memory, under 64 MiB: 64 MiB"},
		{"skopeo is fast", func(b *mirrorComparison, _ *result) { b.results[2].coldTime[0].Wall = 4 * time.Second }, "times as fast as skopeo, at least 2: 1.82"},
		{"crane is fast", func(b *mirrorComparison, _ *result) { b.results[3].coldTime[0].Wall = 10 * time.Second }, "times as fast as crane, at least 5: 4.55"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := measured()
			tt.spoil(b, b.find(bayplanName))
			var out bytes.Buffer
			if missed := printGoals(&out, b.goals()); missed != 1 || !strings.Contains(out.String(), "MISSED  ") || !strings.Contains(out.String(), tt.missed) {
				t.Errorf("%d missed, want one with %q:\n%s", missed, tt.missed, &out)
			}
		})
	}
	var out bytes.Buffer
	if missed := printGoals(&out, measured().goals()); missed != 0 {
		t.Errorf("%d missed:\n%s", missed, &out)
	}
}

func TestJudgeLeavesOutWhatWasNotMeasured(t *testing.T) {
	var out bytes.Buffer
	b := measured()
	b.results = b.results[:1]
	if missed := printGoals(&out, b.goals()); missed != 0 || out.Len() > 0 {
		t.Errorf("%d missed:\n%s", missed, &out)
	}
}

func TestReport(t *testing.T) {
	b := measured()
	b.results[3].err = errors.New("install: no such version")
	b.results[3].coldTime, b.results[3].warmTime = nil, nil
	var out bytes.Buffer
	if err := b.report(&out); err != nil {
		t.Errorf("without one of the others: %v", err)
	}
	want := `
45 images, 132 blobs in 289 references, 600 MiB of 4900 MiB; medians of 1

tool       cold s  from .. to    / yardstick  / bayplan  CPU s  / yardstick  MiB in memory  source req / MiB  dest req / MiB  warm s  warm req
yardstick  2.00    2.00 .. 2.00  1.00         0.91       0.50   1.00         20             -                 -               0.02    -
bayplan    2.20    2.20 .. 2.20  1.10         1.00       0.90   1.80         20             177 / 600         512 / 600       0.02    45 + 45
skopeo     5.00    5.00 .. 5.00  2.50         2.27       3.00   6.00         20             -                 -               0.05    -
crane      -       -             -            -          -      -            -              -                 -               -       -

the source behind 30ms and 400 Mbit/s

tool       cold s  from .. to      / yardstick  / bayplan  CPU s  MiB in memory
yardstick  13.00   13.00 .. 13.00  1.00         0.96       -      -
bayplan    13.50   13.50 .. 13.50  1.04         1.00       -      30

crane: install: no such version
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReportFails(t *testing.T) {
	broken := errors.New("exit status 1")
	strict := measured()
	strict.strict, strict.find("crane").err = true, broken
	bay := measured()
	bay.find(bayplanName).err = broken
	for want, b := range map[string]*mirrorComparison{"crane": strict, bayplanName: bay} {
		if err := b.report(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
	}
}
