package sitereport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

const (
	// maxSites is how many tags are read at most.
	maxSites = 10_000
	// readers is how many reports are read at a time. Each may take maxReport bytes.
	readers = 32
)

// Found is what a tag holds: a report, or why there is none.
type Found struct {
	Tag    string              // in one line: a registry may name anything
	Report document.SiteReport // short: without what Judge does not need
	Err    error               // nil: there is a report
}

// Read reads the reports of all sites, sorted by their tags. The time is that of the
// registry, or of this host if the registry tells none. The error is one of the whole
// repository: what is wrong with a tag is in its Found.
func Read(ctx context.Context, c Client, from Place) ([]Found, time.Time, error) {
	tags, err := c.AllTags(ctx, from.String())
	if registry.KindOf(err) == registry.NotFound {
		err = fault.WithHint(err, "bayplan apply --report-to makes it")
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(tags) > maxSites {
		return nil, time.Time{}, fmt.Errorf("%s has %d tags; at most %d are read", from, len(tags), maxSites)
	}
	slices.Sort(tags)
	found, clocks := make([]Found, len(tags)), make([]*document.SiteClock, len(tags))
	var all errgroup.Group
	all.SetLimit(readers)
	for i, tag := range tags {
		all.Go(func() error {
			found[i], clocks[i] = read(ctx, c, from.At(tag))
			return nil
		})
	}
	_ = all.Wait() // each has its own error
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	return found, now(clocks), nil
}

// read reads one tag.
func read(ctx context.Context, c Client, at Place) (Found, *document.SiteClock) {
	f := Found{Tag: oneLine(at.Tag)}
	b, date, err := c.SmallFile(ctx, at.String(), ArtifactType, maxReport)
	clock := reading(date, time.Now())
	if err == nil {
		f.Report, err = decode(b)
	}
	if errors.Is(err, registry.ErrForeign) {
		err = errNoReport
	}
	if f.Err = err; err == nil {
		f.Report = short(f.Report)
	}
	return f, clock
}

// now gives the time by the clock of the registry, or that of this host without its readings.
func now(readings []*document.SiteClock) time.Time {
	at := time.Now()
	for _, r := range readings {
		if r != nil {
			at = at.Add(-seconds(r.Ahead))
			break
		}
	}
	return at.UTC().Truncate(time.Second)
}

// short gives a report without its steps, and with texts of a bounded length: thousands of
// reports are kept at a time, and anyone may have written them.
func short(r document.SiteReport) document.SiteReport {
	for _, text := range []*string{&r.Site, &r.StateID, &r.Host, &r.Version, &r.Plan, &r.PlanDigest, &r.LockDigest, &r.Error} {
		*text = oneLine(*text)
	}
	r.Steps, r.Counts = nil, nil
	if len(r.Only)+len(r.Skip) > 0 {
		r.Only, r.Skip = []string{"a part"}, nil
	}
	r.Verdict = known(r.Verdict)
	if r.Other != nil {
		r.Other = &document.OtherSite{Host: oneLine(r.Other.Host), StateID: oneLine(r.Other.StateID), Ended: r.Other.Ended}
	}
	switch r.Mode {
	case runner.ModeApply, runner.ModeVerify:
	default:
		r.Mode = ""
	}
	return r
}

// maxShown is how many characters of a text of a report are shown.
const maxShown = 300

// oneLine makes a text of others one that stands in a line.
func oneLine(text string) string {
	return human.Cut(human.Line(strings.TrimSpace(human.Clean(text))), maxShown, "…")
}
