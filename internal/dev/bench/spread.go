package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// spreadPlan copies to two registries, of which one takes a tenth of what the line of the
// source gives, or to the fast one alone.
const spreadPlan = `apiVersion: bayplan/v1
name: bench
connections:
  registries:
    source: { host: "%s", tls: disabled }
    fast: { host: "%s", tls: disabled }
    slow: { host: "%s", tls: disabled, bandwidth: %dkB }
steps:
  images: { type: mirror, with: { images: [%s], to: %s } }
`

// spreadImages is how many images of the set are copied: the slow registry takes ten
// times as long as the fast one.
const spreadImages = 9

// A spread holds the registries of compareSpread.
type spread struct {
	*bench
	source, fast, slow *child.Registry
	images             []entry
}

// compareSpread measures when a registry has all images, alone and beside a slow one.
func compareSpread(ctx context.Context, b *bench, w io.Writer) (_ []goal, err error) {
	s := &spread{bench: b}
	defer func() { err = errors.Join(err, child.CloseAll(s.source, s.fast, s.slow)) }()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	line, host, err := child.Start(ctx, b.self, "line", s.source.Host, b.delay.String(), strconv.FormatFloat(b.rate, 'f', 0, 64))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, line.Stop()) }()
	var done [2]measure.Samples
	for range b.runs {
		for i, to := range []string{"fast", "[slow, fast]"} {
			fmt.Fprintf(b.log, "bench: spread: to %s\n", to)
			took, err := s.copy(ctx, host, to)
			if err != nil {
				return nil, err
			}
			done[i] = append(done[i], measure.Sample{Wall: took})
		}
	}
	fmt.Fprintf(w, "\n%d images, complete at a registry alone after %.1f s (%s), beside one that takes a tenth %.1f s (%s); medians of %d\n",
		spreadImages, done[0].WallTime().Seconds(), done[0].WallRange(), done[1].WallTime().Seconds(), done[1].WallRange(), b.runs)
	return []goal{atMost("complete beside a slow registry / alone", quotient(done[1].WallTime(), done[0].WallTime()), 1.1)}, nil
}

func (s *spread) open(ctx context.Context) (err error) {
	if s.rate == 0 {
		return errors.New("it needs the line of BENCH_LINE")
	}
	var set *contents
	if s.source, set, err = openSource(ctx, s.dir, s.self); err != nil {
		return err
	}
	s.images = set.Images[:spreadImages]
	if s.fast, err = child.NewRegistry(filepath.Join(s.dir, "fast")); err == nil {
		s.slow, err = child.NewRegistry(filepath.Join(s.dir, "slow"))
	}
	return err
}

// copy copies the images and gives the time until the fast registry has all of them.
func (s *spread) copy(ctx context.Context, source, to string) (time.Duration, error) {
	dir := filepath.Join(s.dir, "work", "spread")
	if err := errors.Join(s.fast.Empty(ctx), s.slow.Empty(ctx), os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return 0, err
	}
	names := make([]string, len(s.images))
	for i, e := range s.images {
		names[i] = strconv.Quote(e.nameAt(source))
	}
	text := fmt.Appendf(nil, spreadPlan, source, s.fast.Host, s.slow.Host, int(s.rate/10/1000), strings.Join(names, ", "), to)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "bayplan.yaml"), text, 0o644), s.prepareMachine(ctx)); err != nil {
		return 0, err
	}
	if _, err := measure.Run(ctx, dir, []string{s.bayplan, "apply"}); err != nil {
		return 0, err
	}
	return measure.LastItem(filepath.Join(dir, ".bayplan", "bench"), s.fast.Host+"/")
}
