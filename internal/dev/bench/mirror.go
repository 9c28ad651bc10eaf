package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/counter"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// A result holds the measurements of one tool.
type result struct {
	tool    tool
	program string
	err     error // ends the measurements of the tool

	counted    bool
	cold, warm requestCounts
	coldTime   measure.Samples
	warmTime   measure.Samples
	farTime    measure.Samples
}

// requestCounts are the requests of one copy of the list, to each side.
type requestCounts struct{ source, dest counter.Counts }

// A mirrorComparison compares tools that copy a list of images. They copy the set.
type mirrorComparison struct {
	*bench

	source, dest *child.Registry
	set          *contents
	results      []*result
}

// compareMirror runs the comparison of mirror.
func compareMirror(ctx context.Context, b *bench, w io.Writer) (goals []goal, err error) {
	m := &mirrorComparison{bench: b}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	return m.goals(), m.report(w)
}

// open starts the registries and installs the tools.
func (m *mirrorComparison) open(ctx context.Context) error {
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "docker-registry", "skopeo", "curl"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	var err error
	if m.source, m.set, err = openSource(ctx, m.dir, m.self); err != nil {
		return fmt.Errorf("source registry: %w", err)
	}
	if m.dest, err = child.NewRegistry(filepath.Join(m.dir, "destination")); err != nil {
		return fmt.Errorf("destination registry: %w", err)
	}
	for _, t := range tools() {
		if !slices.Contains(m.tools, t.name) {
			continue
		}
		fmt.Fprintln(m.log, "bench: install", t.name)
		r := &result{tool: t}
		if r.program, err = m.install(ctx, t); err != nil {
			r.err = fmt.Errorf("install: %w", err)
		}
		m.results = append(m.results, r)
	}
	if m.before != "" {
		m.far = append(slices.Clone(m.far), beforeName)
		m.results = append(m.results, &result{tool: tool{name: beforeName, command: bayplanCommand}, program: m.before})
	}
	return nil
}

// close stops the registries.
func (m *mirrorComparison) close() error {
	return child.CloseAll(m.source, m.dest)
}

// run measures all tools. The failure of one tool is in its result.
func (m *mirrorComparison) run(ctx context.Context) error {
	if err := m.open(ctx); err != nil {
		return err
	}
	m.each(ctx, 0, "count", m.count)
	for n := range m.runs {
		m.each(ctx, n, "time", m.timeNear)
	}
	if m.rate > 0 {
		line, host, err := child.Start(ctx, m.self, "line", m.source.Host, m.delay.String(), strconv.FormatFloat(m.rate, 'f', 0, 64))
		if err != nil {
			return err
		}
		for n := range m.runs {
			m.each(ctx, n, "far", func(ctx context.Context, r *result) error { return m.timeFar(ctx, r, host) })
		}
		if err := line.Stop(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// each calls do for every tool. Each round begins with another tool, so that no
// tool always follows the same slow one.
func (m *mirrorComparison) each(ctx context.Context, round int, what string, do func(context.Context, *result) error) {
	for i := range m.results {
		r := m.results[(i+round)%len(m.results)]
		if r.err != nil || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(m.log, "bench: %s %d: %s\n", what, round+1, r.tool.name)
		if err := do(ctx, r); err != nil {
			r.err = err
			fmt.Fprintf(m.log, "bench: %s: %v\n", r.tool.name, err)
		}
	}
}

// count counts the requests of a cold and a warm run.
func (m *mirrorComparison) count(ctx context.Context, r *result) error {
	if err := m.dest.Empty(ctx); err != nil {
		return err
	}
	var sides [2]*child.Process
	var hosts [2]string
	for i, s := range []*child.Registry{m.source, m.dest} {
		var err error
		if sides[i], hosts[i], err = child.Start(ctx, m.self, "count", s.Host); err != nil {
			return err
		}
		defer func() { _ = sides[i].Stop() }()
	}
	j, err := m.job(r, hosts[0], hosts[1])
	if err != nil {
		return err
	}
	for _, p := range []*requestCounts{&r.cold, &r.warm} {
		if _, err := m.runTool(ctx, r, j); err != nil {
			return err
		}
		if p.source, err = sides[0].TakeCounts(); err != nil {
			return err
		}
		if p.dest, err = sides[1].TakeCounts(); err != nil {
			return err
		}
	}
	r.counted = true
	return nil
}

// timeNear measures a cold and a warm run.
func (m *mirrorComparison) timeNear(ctx context.Context, r *result) error {
	if err := m.dest.Empty(ctx); err != nil {
		return err
	}
	j, err := m.job(r, m.source.Host, m.dest.Host)
	if err != nil {
		return err
	}
	for _, to := range []*measure.Samples{&r.coldTime, &r.warmTime} {
		s, err := m.runTool(ctx, r, j)
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return nil
}

// timeFar measures a cold run with the source behind the slow line.
func (m *mirrorComparison) timeFar(ctx context.Context, r *result, source string) error {
	if !slices.Contains(m.far, r.tool.name) {
		return nil
	}
	if err := m.dest.Empty(ctx); err != nil {
		return err
	}
	j, err := m.job(r, source, m.dest.Host)
	if err != nil {
		return err
	}
	s, err := m.runTool(ctx, r, j)
	if err == nil {
		r.farTime = append(r.farTime, s)
	}
	return err
}

// job makes a job with an empty directory.
func (m *mirrorComparison) job(r *result, source, dest string) (job, error) {
	j := job{
		dir: filepath.Join(m.dir, "work", r.tool.name), program: r.program,
		source: source, dest: dest, images: m.set.Images, set: contentsFile(m.dir),
	}
	return j, errors.Join(os.RemoveAll(j.dir), os.MkdirAll(j.dir, 0o755))
}

// runTool measures one run of a tool and checks that it copied all images.
func (m *mirrorComparison) runTool(ctx context.Context, r *result, j job) (measure.Sample, error) {
	argv, err := r.tool.command(j)
	if err != nil {
		return measure.Sample{}, err
	}
	if err := m.prepareMachine(ctx); err != nil {
		return measure.Sample{}, err
	}
	s, err := measure.Run(ctx, j.dir, argv)
	if err != nil {
		return s, err
	}
	if err := checkImages(ctx, m.dest.Host, m.set.Images); err != nil {
		return s, fmt.Errorf("it exited with 0, but %w", err)
	}
	return s, nil
}
