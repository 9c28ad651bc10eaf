package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/counter"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
	"github.com/bayplan/bayplan/internal/dev/bench/tagserver"
)

// selectPlan selects the newest tags of each repository.
const selectPlan = `apiVersion: bayplan/v1
name: bench
connections:
  registries:
    source: { host: "%s", tls: disabled }
    local: { host: local.example, embedded: { dir: local } }
steps:
  images:
    type: mirror
    with: { images: [{ from: "%s/many/*", tags: { match: 'v1\.\d+', newest: %d } }], to: local }
`

// selectNewest is how many tags of each repository are selected.
const selectNewest = 3

// compareSelect measures bayplan lock where it selects images by their tags: first without
// a lock file, then with one, which selects anew and asks for no manifest.
func compareSelect(ctx context.Context, b *bench, w io.Writer) (_ []goal, err error) {
	const lists = 1 + tagserver.Repositories*(tagserver.Tags/tagserver.Page) // one page of the catalog
	const selected = tagserver.Repositories * selectNewest
	server, host, err := child.Start(ctx, b.self, "tags")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	counting, proxy, err := child.Start(ctx, b.self, "count", host)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, counting.Stop()) }()
	var times [2]measure.Samples
	var sums [2]counter.Counts
	for n := range b.runs + 1 { // the first run is counted, and not timed
		at := host
		if n == 0 {
			at = proxy
		}
		dir := filepath.Join(b.dir, "work", "select")
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), fmt.Appendf(nil, selectPlan, at, at, selectNewest), 0o644); err != nil {
			return nil, err
		}
		for i := range times {
			s, err := measure.Run(ctx, dir, []string{b.bayplan, "lock"})
			if err != nil {
				return nil, err
			}
			if n > 0 {
				times[i] = append(times[i], s)
			} else if sums[i], err = counting.TakeCounts(); err != nil {
				return nil, err
			}
		}
	}
	fmt.Fprintf(w, "\n%d of %d tags in each of %d repositories: first %.2f s, again %.2f s; medians of %d\n",
		selectNewest, tagserver.Tags, tagserver.Repositories, times[0].WallTime().Seconds(), times[1].WallTime().Seconds(), b.runs)
	requests := func(what string, c counter.Counts, want int) goal {
		return goal{fmt.Sprintf("requests of a selection, %s, %d", what, want), fmt.Sprint(c.Requests), c.Requests == want}
	}
	return []goal{
		requests("first", sums[0], lists+selected),
		requests("again", sums[1], lists),
		{"a selection of many tags, at most 10s", times[0].WallTime().Round(10 * time.Millisecond).String(), times[0].WallTime() <= 10*time.Second},
	}, nil
}
