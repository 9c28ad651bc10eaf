package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// A manyComparison measures bayplan with very many tiny images, and both registries far
// away: what counts is how many requests there are, and how many are under way at a time.
// Beside it, it can measure an older bayplan.
type manyComparison struct {
	*bench

	source, dest *registryServer
	images       []entry
	programs     []manyProgram
}

// A manyProgram is a bayplan, with its times.
type manyProgram struct {
	name, program string
	runs          [3]measure.Samples // by manyRuns
}

// A manyRun is one of the runs that follow each other.
type manyRun struct {
	name   string
	forget bool          // without the state and the lock file of the run before
	most   time.Duration // the goal
}

func manyRuns() [3]manyRun {
	return [3]manyRun{
		{"cold", true, 60 * time.Second},
		{"unchanged", false, 6 * time.Second},
		{"unchanged, no record", true, 30 * time.Second},
	}
}

const (
	manyRepositories = 500
	manyTags         = 10 // of each repository
	manyDelay        = 30 * time.Millisecond
	manyRate         = 50e6 // bytes per second
)

// compareMany runs the comparison of many images.
func compareMany(ctx context.Context, b *bench, w io.Writer) (_ []goal, err error) {
	m := &manyComparison{bench: b, programs: []manyProgram{{name: bayplanName, program: b.bayplan}}}
	if b.before != "" {
		m.programs = append(m.programs, manyProgram{name: beforeName, program: b.before})
	}
	defer func() {
		for _, s := range []*registryServer{m.source, m.dest} {
			if s != nil {
				err = errors.Join(err, s.close())
			}
		}
	}()
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	m.report(w)
	return m.goals(), nil
}

// open starts the registries.
func (m *manyComparison) open(ctx context.Context) (err error) {
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "docker-registry"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	var c *contents
	if m.source, m.dest, c, err = m.openSeeded(ctx, "many"); err == nil {
		m.images = c.Images
	}
	return err
}

// seedMany pushes the many images to a registry and saves their list in a file.
func seedMany(ctx context.Context, host, file string) error {
	const atATime = 8
	c := &contents{Version: setVersion, Images: make([]entry, manyRepositories*manyTags)}
	to := newRegistryClient(host, atATime)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for i := range c.Images {
		g.Go(func() (err error) {
			c.Images[i], err = pushTiny(ctx, to, i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return c.save(file)
}

// pushTiny pushes an image with a config and a layer of a few bytes. They need not be
// what their types say: registries do not read them.
func pushTiny(ctx context.Context, to *registryClient, number int) (entry, error) {
	e := entry{Repository: fmt.Sprintf("many/repository-%03d", number/manyTags), Tag: strconv.Itoa(number % manyTags)}
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	blob := func(mediaType, text string) (descriptor, error) {
		d := descriptor{mediaType, int64(len(text)), digestOf([]byte(text))}
		at, err := to.startUpload(ctx, e.Repository)
		if err == nil {
			err = to.finishUpload(ctx, at, d, bytes.NewReader([]byte(text)))
		}
		return d, err
	}
	var err error
	if m.Config, err = blob(typeConfig, fmt.Sprintf(`{"architecture":"amd64","os":"linux","number":%d}`, number)); err != nil {
		return e, err
	}
	layer, err := blob(typeLayer, fmt.Sprintf("layer %d", number))
	if err != nil {
		return e, err
	}
	m.Layers = []descriptor{layer}
	data, err := json.Marshal(m)
	if err != nil {
		return e, err
	}
	e.Digest = digestOf(data)
	return e, to.putManifest(ctx, e, data)
}

// run measures all programs, each with registries behind lines of their own.
func (m *manyComparison) run(ctx context.Context) error {
	for n := range m.runs {
		for i := range m.programs {
			p := &m.programs[(i+n)%len(m.programs)]
			fmt.Fprintf(m.log, "bench: many %d: %s\n", n+1, p.name)
			if err := m.time(ctx, p); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

func (m *manyComparison) time(ctx context.Context, p *manyProgram) (err error) {
	if err := m.dest.empty(ctx); err != nil {
		return err
	}
	var hosts [2]string
	for i, s := range []*registryServer{m.source, m.dest} {
		var line *child
		line, hosts[i], err = start(ctx, m.self, "line", s.host, manyDelay.String(), strconv.FormatFloat(manyRate, 'f', 0, 64))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, line.stop()) }()
	}
	j := job{dir: filepath.Join(m.dir, "work", "many-"+p.name), program: p.program, source: hosts[0], dest: hosts[1], images: m.images}
	if err := errors.Join(os.RemoveAll(j.dir), os.MkdirAll(j.dir, 0o755)); err != nil {
		return err
	}
	argv, err := bayplanCommand(j)
	if err != nil {
		return err
	}
	for i, r := range manyRuns() {
		if r.forget {
			if err := os.RemoveAll(filepath.Join(j.dir, ".bayplan")); err != nil {
				return err
			}
		}
		if err := m.prepareMachine(ctx); err != nil {
			return err
		}
		s, err := measure.Run(ctx, j.dir, argv)
		if err != nil {
			return err
		}
		p.runs[i] = append(p.runs[i], s)
	}
	return checkImages(ctx, m.dest.host, m.images)
}

func (m *manyComparison) report(w io.Writer) {
	fmt.Fprintf(w, "\n%d images of %d repositories, both sides behind %s; medians of %d\n\n", len(m.images), manyRepositories, manyDelay, m.bench.runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\trun\ts\tCPU s\tMiB in memory")
	for _, p := range m.programs {
		for i, r := range manyRuns() {
			s := p.runs[i]
			fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%s\n", p.name, r.name, s.WallTime().Seconds(), s.CPUTime().Seconds(), mebibytes(s.PeakMemory()))
		}
	}
	_ = t.Flush()
}

func (m *manyComparison) goals() []goal {
	var all []goal
	var memory int64
	for i, r := range manyRuns() {
		s := m.programs[0].runs[i]
		memory = max(memory, s.PeakMemory())
		all = append(all, goal{
			fmt.Sprintf("%d images, %s, at most %s", len(m.images), r.name, r.most),
			s.WallTime().Round(100 * time.Millisecond).String(), s.WallTime() <= r.most,
		})
	}
	return append(all, goal{"memory with many images, under 128 MiB", mebibytes(memory) + " MiB", memory < 128<<20})
}
