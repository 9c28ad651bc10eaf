package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// registryScript starts Debian's docker-registry. The integration tests use it, too.
const registryScript = "internal/dev/integration/registry.sh"

// A registryServer is a registry on the loopback interface with its data in dir.
type registryServer struct {
	dir, host string
	run       *child.Process
}

// discardDir holds discarded data until close.
func (s *registryServer) discardDir() string { return s.dir + ".used" }

func newRegistryServer(dir string) (*registryServer, error) {
	// The registry cannot report a port that it chose itself, so it gets a port
	// that was free a moment ago.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &registryServer{dir: dir, host: ln.Addr().String()}, ln.Close()
}

func (s *registryServer) start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.host)
	if err != nil {
		return err
	}
	var said string
	if s.run, said, err = child.Start(ctx, registryScript, s.dir, port); err != nil {
		return err
	}
	if said != "ready" {
		return fmt.Errorf("registry in %s says %q", s.dir, said)
	}
	return nil
}

func (s *registryServer) stop() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.Stop()
}

// empty restarts the registry without data.
func (s *registryServer) empty(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.setAside(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return s.start(ctx)
}

// setAside moves the data to discardDir and frees its space. It does not remove
// the files: ext4 without a journal does not reuse inodes that were freed in the
// last minutes, but examines each of them whenever a file is created. That took
// a quarter of the time of the next run.
func (s *registryServer) setAside() error {
	err := filepath.WalkDir(s.dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || !f.Type().IsRegular() {
			return err
		}
		return os.Truncate(path, 0)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no data yet
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.discardDir(), 0o755); err != nil {
		return err
	}
	to, err := os.MkdirTemp(s.discardDir(), "")
	if err != nil {
		return err
	}
	return os.Rename(s.dir, filepath.Join(to, "data"))
}

// close stops the registry and removes the discarded data.
func (s *registryServer) close() error {
	return errors.Join(s.stop(), os.RemoveAll(s.discardDir()))
}

// closeAll closes registries, of which some may be nil.
func closeAll(all ...*registryServer) error {
	var errs []error
	for _, s := range all {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}

// openSource starts the source registry with the set in it. It reuses the set of
// an earlier run.
func openSource(ctx context.Context, dir, self string) (*registryServer, *contents, error) {
	s, err := newRegistryServer(filepath.Join(dir, "source"))
	if err != nil {
		return nil, nil, err
	}
	file := contentsFile(dir)
	if c, err := loadContents(file); err == nil {
		return s, c, s.start(ctx)
	}
	if err := s.empty(ctx); err != nil {
		return s, nil, err
	}
	fmt.Fprintln(os.Stderr, "bench: make the set in", s.dir)
	// In a process of its own: see the comment on proxies in child.go.
	if err := measure.Quiet(ctx, self, "seed", s.host, file); err != nil {
		return s, nil, fmt.Errorf("make the set: %w", err)
	}
	c, err := loadContents(file)
	return s, c, err
}

// openSeeded starts a source registry that keeps its images between runs of the bench, and
// an empty destination. The helper process seed-NAME makes the images.
func (b *bench) openSeeded(ctx context.Context, name string) (source, dest *registryServer, c *contents, err error) {
	if dest, err = newRegistryServer(filepath.Join(b.dir, name+"-destination")); err != nil {
		return nil, nil, nil, err
	}
	if source, err = newRegistryServer(filepath.Join(b.dir, name+"-source")); err != nil {
		return nil, dest, nil, err
	}
	file := filepath.Join(b.dir, name+".json")
	if c, err = loadContents(file); err == nil {
		return source, dest, c, source.start(ctx)
	}
	if err = source.empty(ctx); err != nil {
		return source, dest, nil, err
	}
	fmt.Fprintln(b.log, "bench: make the images of", name)
	if err = measure.Quiet(ctx, b.self, "seed-"+name, source.host, file); err != nil {
		return source, dest, nil, fmt.Errorf("make the images of %s: %w", name, err)
	}
	c, err = loadContents(file)
	return source, dest, c, err
}
