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
)

// A result is what one tool took.
type result struct {
	tool    tool
	program string
	err     error // why there is no more

	counted    bool
	cold, warm passage // what passed the counters
	coldTime   samples
	warmTime   samples
	farTime    samples
}

// A passage is what one copy of the list has asked of both sides.
type passage struct{ source, dest counts }

// A mirroring compares tools that copy a list of images, on the set.
type mirroring struct {
	*bench

	source, dest *server
	set          *contents
	results      []*result
}

// compareMirror is the comparison of mirror.
func compareMirror(ctx context.Context, b *bench, w io.Writer) (goals []goal, err error) {
	m := &mirroring{bench: b}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	return m.goals(), m.report(w)
}

// open starts what all tools need.
func (m *mirroring) open(ctx context.Context) error {
	if err := quietly(ctx, "internal/dev/integration/install.sh", "docker-registry", "skopeo", "curl"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	var err error
	if m.source, m.set, err = openSource(ctx, m.dir, m.self); err != nil {
		return fmt.Errorf("source registry: %w", err)
	}
	if m.dest, err = newServer(filepath.Join(m.dir, "destination")); err != nil {
		return fmt.Errorf("destination registry: %w", err)
	}
	for _, t := range tools() {
		if !slices.Contains(m.tools, t.name) {
			continue
		}
		fmt.Fprintln(m.say, "bench: install", t.name)
		r := &result{tool: t}
		if r.program, err = m.install(ctx, t); err != nil {
			r.err = fmt.Errorf("install: %w", err)
		}
		m.results = append(m.results, r)
	}
	return nil
}

// close ends the registries.
func (m *mirroring) close() error {
	var errs []error
	for _, s := range []*server{m.source, m.dest} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}

// run measures all. What goes wrong with one tool stands in its result.
func (m *mirroring) run(ctx context.Context) error {
	if err := m.open(ctx); err != nil {
		return err
	}
	m.each(ctx, 0, "count", m.count)
	for n := range m.runs {
		m.each(ctx, n, "time", m.time)
	}
	if m.rate > 0 {
		line, host, err := start(ctx, m.self, "line", m.source.host, m.delay.String(), strconv.FormatFloat(m.rate, 'f', 0, 64))
		if err != nil {
			return err
		}
		for n := range m.runs {
			m.each(ctx, n, "far", func(ctx context.Context, r *result) error { return m.timeFar(ctx, r, host) })
		}
		if err := line.stop(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// each does something with every tool, in each round beginning with another
// one: no tool is always the one that comes after a slow one.
func (m *mirroring) each(ctx context.Context, round int, what string, do func(context.Context, *result) error) {
	for i := range m.results {
		r := m.results[(i+round)%len(m.results)]
		if r.err != nil || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(m.say, "bench: %s %d: %s\n", what, round+1, r.tool.name)
		if err := do(ctx, r); err != nil {
			r.err = err
			fmt.Fprintf(m.say, "bench: %s: %v\n", r.tool.name, err)
		}
	}
}

// count copies the list through counters, cold and warm.
func (m *mirroring) count(ctx context.Context, r *result) error {
	if err := m.dest.empty(ctx); err != nil {
		return err
	}
	var sides [2]*child
	var hosts [2]string
	for i, s := range []*server{m.source, m.dest} {
		var err error
		if sides[i], hosts[i], err = start(ctx, m.self, "count", s.host); err != nil {
			return err
		}
		defer func() { _ = sides[i].stop() }()
	}
	j, err := m.job(r, hosts[0], hosts[1])
	if err != nil {
		return err
	}
	for _, p := range []*passage{&r.cold, &r.warm} {
		if _, err := m.copy(ctx, r, j); err != nil {
			return err
		}
		if p.source, err = sides[0].take(); err != nil {
			return err
		}
		if p.dest, err = sides[1].take(); err != nil {
			return err
		}
	}
	r.counted = true
	return nil
}

// time measures a cold run and a warm one.
func (m *mirroring) time(ctx context.Context, r *result) error {
	if err := m.dest.empty(ctx); err != nil {
		return err
	}
	j, err := m.job(r, m.source.host, m.dest.host)
	if err != nil {
		return err
	}
	for _, to := range []*samples{&r.coldTime, &r.warmTime} {
		s, err := m.copy(ctx, r, j)
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return nil
}

// timeFar measures a cold run with the source at the other end of a slow line.
func (m *mirroring) timeFar(ctx context.Context, r *result, source string) error {
	if !slices.Contains(m.far, r.tool.name) {
		return nil
	}
	if err := m.dest.empty(ctx); err != nil {
		return err
	}
	j, err := m.job(r, source, m.dest.host)
	if err != nil {
		return err
	}
	s, err := m.copy(ctx, r, j)
	if err == nil {
		r.farTime = append(r.farTime, s)
	}
	return err
}

// job makes a job with a directory in which nothing is remembered.
func (m *mirroring) job(r *result, source, dest string) (job, error) {
	j := job{
		dir: filepath.Join(m.dir, "work", r.tool.name), program: r.program,
		source: source, dest: dest, images: m.set.Images, set: contentsFile(m.dir),
	}
	return j, errors.Join(os.RemoveAll(j.dir), os.MkdirAll(j.dir, 0o755))
}

// copy runs a tool and makes sure that it did what it is measured for.
func (m *mirroring) copy(ctx context.Context, r *result, j job) (sample, error) {
	argv, err := r.tool.command(j)
	if err != nil {
		return sample{}, err
	}
	if err := m.settle(ctx); err != nil {
		return sample{}, err
	}
	s, err := measure(ctx, j.dir, argv)
	if err != nil {
		return s, err
	}
	if err := arrived(ctx, m.dest.host, m.set.Images); err != nil {
		return s, fmt.Errorf("it ended well, but %w", err)
	}
	return s, nil
}
