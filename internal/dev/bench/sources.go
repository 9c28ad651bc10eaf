package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// openSource starts the source registry with the set in it. It reuses the set of
// an earlier run.
func openSource(ctx context.Context, dir, self string) (*child.Registry, *contents, error) {
	s, err := child.NewRegistry(filepath.Join(dir, "source"))
	if err != nil {
		return nil, nil, err
	}
	file := contentsFile(dir)
	if c, err := loadContents(file); err == nil {
		return s, c, s.Start(ctx)
	}
	if err := s.Empty(ctx); err != nil {
		return s, nil, err
	}
	fmt.Fprintln(os.Stderr, "bench: make the set in", s.Dir)
	// In a process of its own: see the comment on proxies in child.go.
	if err := measure.Quiet(ctx, self, "seed", s.Host, file); err != nil {
		return s, nil, fmt.Errorf("make the set: %w", err)
	}
	c, err := loadContents(file)
	return s, c, err
}

// openSeeded starts a source registry that keeps its images between runs of the bench, and
// an empty destination. The helper process seed-NAME makes the images.
func (b *bench) openSeeded(ctx context.Context, name string) (source, dest *child.Registry, c *contents, err error) {
	if dest, err = child.NewRegistry(filepath.Join(b.dir, name+"-destination")); err != nil {
		return nil, nil, nil, err
	}
	if source, err = child.NewRegistry(filepath.Join(b.dir, name+"-source")); err != nil {
		return nil, dest, nil, err
	}
	file := filepath.Join(b.dir, name+".json")
	if c, err = loadContents(file); err == nil {
		return source, dest, c, source.Start(ctx)
	}
	if err = source.Empty(ctx); err != nil {
		return source, dest, nil, err
	}
	fmt.Fprintln(b.log, "bench: make the images of", name)
	if err = measure.Quiet(ctx, b.self, "seed-"+name, source.Host, file); err != nil {
		return source, dest, nil, fmt.Errorf("make the images of %s: %w", name, err)
	}
	c, err = loadContents(file)
	return source, dest, c, err
}
