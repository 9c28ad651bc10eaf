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
	"time"
)

// Options of a bench. They come from the environment, which passes through make.
type options struct {
	dir     string        // of all that is kept between runs
	bayplan string        // the program; "": it is built
	runs    int           // timed ones of each tool
	only    []string      // names of tools to run
	far     []string      // names of those to run with the source far away
	rate    float64       // of the line to a source far away, bytes per second; 0: no such line
	delay   time.Duration // of that line
	strict  bool          // goals that are missed are a failure
}

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

// A bench compares tools on the set.
type bench struct {
	options

	self         string // this program
	source, dest *server
	set          *contents
	results      []*result
	say          io.Writer // progress
}

// open starts what all tools need.
func (b *bench) open(ctx context.Context) error {
	err := os.MkdirAll(filepath.Join(b.dir, "bin"), 0o755)
	if err != nil {
		return err
	}
	if err := quietly(ctx, "internal/integration/install.sh", "docker-registry", "skopeo", "curl"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	if b.source, b.set, err = openSource(ctx, b.dir, b.self); err != nil {
		return fmt.Errorf("source registry: %w", err)
	}
	if b.dest, err = newServer(filepath.Join(b.dir, "destination")); err != nil {
		return fmt.Errorf("destination registry: %w", err)
	}
	for _, t := range tools() {
		if !slices.Contains(b.only, t.name) {
			continue
		}
		fmt.Fprintln(b.say, "bench: install", t.name)
		r := &result{tool: t}
		if r.program, err = b.install(ctx, t); err != nil {
			r.err = fmt.Errorf("install: %w", err)
		}
		b.results = append(b.results, r)
	}
	return nil
}

// close ends the registries.
func (b *bench) close() error {
	var errs []error
	for _, s := range []*server{b.source, b.dest} {
		if s != nil {
			errs = append(errs, s.stop())
		}
	}
	return errors.Join(errs...)
}

// run measures all. What goes wrong with one tool stands in its result.
func (b *bench) run(ctx context.Context) error {
	if err := b.open(ctx); err != nil {
		return err
	}
	b.each(ctx, 0, "count", b.count)
	for n := range b.runs {
		b.each(ctx, n, "time", b.time)
	}
	if b.rate > 0 {
		line, host, err := start(ctx, b.self, "line", b.source.host, b.delay.String(), strconv.FormatFloat(b.rate, 'f', 0, 64))
		if err != nil {
			return err
		}
		for n := range b.runs {
			b.each(ctx, n, "far", func(ctx context.Context, r *result) error { return b.timeFar(ctx, r, host) })
		}
		if err := line.stop(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// each does something with every tool, in each round beginning with another
// one: no tool is always the one that comes after a slow one.
func (b *bench) each(ctx context.Context, round int, what string, do func(context.Context, *result) error) {
	for i := range b.results {
		r := b.results[(i+round)%len(b.results)]
		if r.err != nil || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(b.say, "bench: %s %d: %s\n", what, round+1, r.tool.name)
		if err := do(ctx, r); err != nil {
			r.err = err
			fmt.Fprintf(b.say, "bench: %s: %v\n", r.tool.name, err)
		}
	}
}

// count copies the list through counters, cold and warm.
func (b *bench) count(ctx context.Context, r *result) error {
	if err := b.dest.empty(ctx); err != nil {
		return err
	}
	var sides [2]*child
	var hosts [2]string
	for i, s := range []*server{b.source, b.dest} {
		var err error
		if sides[i], hosts[i], err = start(ctx, b.self, "count", s.host); err != nil {
			return err
		}
		defer func() { _ = sides[i].stop() }()
	}
	j, err := b.job(r, hosts[0], hosts[1])
	if err != nil {
		return err
	}
	for _, p := range []*passage{&r.cold, &r.warm} {
		if _, err := b.copy(ctx, r, j); err != nil {
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
func (b *bench) time(ctx context.Context, r *result) error {
	if err := b.dest.empty(ctx); err != nil {
		return err
	}
	j, err := b.job(r, b.source.host, b.dest.host)
	if err != nil {
		return err
	}
	for _, to := range []*samples{&r.coldTime, &r.warmTime} {
		s, err := b.copy(ctx, r, j)
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return nil
}

// timeFar measures a cold run with the source at the other end of a slow line.
func (b *bench) timeFar(ctx context.Context, r *result, source string) error {
	if !slices.Contains(b.far, r.tool.name) {
		return nil
	}
	if err := b.dest.empty(ctx); err != nil {
		return err
	}
	j, err := b.job(r, source, b.dest.host)
	if err != nil {
		return err
	}
	s, err := b.copy(ctx, r, j)
	if err == nil {
		r.farTime = append(r.farTime, s)
	}
	return err
}

// job makes a job with a directory in which nothing is remembered.
func (b *bench) job(r *result, source, dest string) (job, error) {
	j := job{
		dir: filepath.Join(b.dir, "work", r.tool.name), program: r.program,
		source: source, dest: dest, images: b.set.Images, set: contentsFile(b.dir),
	}
	return j, errors.Join(os.RemoveAll(j.dir), os.MkdirAll(j.dir, 0o755))
}

// copy runs a tool and makes sure that it did what it is measured for.
func (b *bench) copy(ctx context.Context, r *result, j job) (sample, error) {
	argv, err := r.tool.command(j)
	if err != nil {
		return sample{}, err
	}
	settle()
	s, err := measure(ctx, j.dir, argv)
	if err != nil {
		return s, err
	}
	if err := arrived(ctx, b.dest.host, b.set.Images); err != nil {
		return s, fmt.Errorf("it ended well, but %w", err)
	}
	return s, nil
}
