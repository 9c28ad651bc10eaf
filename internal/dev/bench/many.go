package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
	"github.com/bayplan/bayplan/internal/dev/bench/wire"
	"github.com/bayplan/bayplan/internal/registryserver"
)

// A manyComparison measures bayplan with very many tiny images, and both registries far
// away: what counts is how many requests there are, and how many are under way at a time.
// The registries are in memory: docker-registry takes 2 ms of a processor for a HEAD, and
// two processors would measure nothing else. Beside it, it can measure an older bayplan.
type manyComparison struct {
	*bench

	source     *child.Process
	sourceHost string
	images     []entry
	programs   []manyProgram
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
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.source.Stop()) }()
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	start, err := measure.Run(ctx, m.dir, []string{b.bayplan, "version"})
	if err != nil {
		return nil, err
	}
	m.report(w)
	return m.goals(measure.Samples{start}.PeakMemory()), nil
}

// manyImages are the images of the source. Their config and their layer are their own.
func manyImages() []registryserver.Image {
	all := make([]registryserver.Image, manyRepositories*manyTags)
	for i := range all {
		number := strconv.Itoa(i)
		all[i] = registryserver.Image{
			Repository: fmt.Sprintf("many/repository-%03d", i/manyTags), Tags: []string{strconv.Itoa(i % manyTags)},
			Labels: map[string]string{"number": number}, Layers: []registryserver.Layer{{Name: number, Size: 1}},
		}
	}
	return all
}

// serveMany runs a registry in memory, with the images or empty. It prints its address and
// stops when the input ends.
func serveMany(ctx context.Context, images []registryserver.Image, in io.Reader, out io.Writer) error {
	registry, err := registryserver.New(registryserver.Config{Images: images})
	if err != nil {
		return err
	}
	defer registry.Close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: registry, ReadHeaderTimeout: time.Minute}
	defer server.Close()
	go func() { _ = server.Serve(ln) }()
	fmt.Fprintln(out, ln.Addr())
	_, err = io.Copy(io.Discard, in)
	return err
}

// open starts the source and asks it for its images.
func (m *manyComparison) open(ctx context.Context) (err error) {
	if m.source, m.sourceHost, err = child.Start(ctx, m.self, "many", "full"); err != nil {
		return err
	}
	c := wire.New(m.sourceHost, 1)
	for _, im := range manyImages() {
		e := entry{Repository: im.Repository, Tag: im.Tags[0]}
		if e.Digest, err = c.Head(ctx, e.Repository, e.Tag); err != nil {
			return err
		}
		m.images = append(m.images, e)
	}
	return nil
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
	dest, destHost, err := child.Start(ctx, m.self, "many", "empty")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dest.Stop()) }()
	var hosts [2]string
	for i, host := range []string{m.sourceHost, destHost} {
		var line *child.Process
		line, hosts[i], err = child.Start(ctx, m.self, "line", host, manyDelay.String(), strconv.FormatFloat(manyRate, 'f', 0, 64))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, line.Stop()) }()
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
	return checkImages(ctx, destHost, m.images)
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

// goals gives the goals. A start is the memory of a command that does nothing.
func (m *manyComparison) goals(start int64) []goal {
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
	more := memory - start
	return append(all, goal{"memory with many images, at most 64 MiB above a start", mebibytes(more) + " MiB", more <= 64<<20})
}
