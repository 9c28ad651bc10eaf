package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// registryScript starts Debian's docker-registry, for the integration tests as for us.
const registryScript = "internal/dev/integration/registry.sh"

// A server is a registry on loopback with its data in dir.
type server struct {
	dir, host string
	run       *child
}

// used is where what it no longer needs is kept until the end.
func (s *server) used() string { return s.dir + ".used" }

func newServer(dir string) (*server, error) {
	// A port that was free a moment ago: the registry does not say which one it took.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &server{dir: dir, host: ln.Addr().String()}, ln.Close()
}

func (s *server) start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.host)
	if err != nil {
		return err
	}
	var said string
	if s.run, said, err = start(ctx, registryScript, s.dir, port); err != nil {
		return err
	}
	if said != "ready" {
		return fmt.Errorf("registry in %s says %q", s.dir, said)
	}
	return nil
}

func (s *server) stop() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.stop()
}

// empty starts the registry anew with nothing in it.
func (s *server) empty(ctx context.Context) error {
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

// setAside moves the data out of the way and gives its space back. The files
// are not removed before the end: ext4 without a journal uses no inode again
// that was freed within the last minutes, and looks at each such one whenever
// a file is made. That took a quarter of the time of what ran next.
func (s *server) setAside() error {
	err := filepath.WalkDir(s.dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || !f.Type().IsRegular() {
			return err
		}
		return os.Truncate(path, 0)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is none yet
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.used(), 0o755); err != nil {
		return err
	}
	to, err := os.MkdirTemp(s.used(), "")
	if err != nil {
		return err
	}
	return os.Rename(s.dir, filepath.Join(to, "data"))
}

// close ends the registry, and removes what it no longer needed.
func (s *server) close() error {
	return errors.Join(s.stop(), os.RemoveAll(s.used()))
}

// openSource starts the source registry, with the set in it. One that an
// earlier run has made is used again.
func openSource(ctx context.Context, dir, self string) (*server, *contents, error) {
	s, err := newServer(filepath.Join(dir, "source"))
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
	// In a process of its own, see proxy.go.
	if err := quietly(ctx, self, "seed", s.host, file); err != nil {
		return s, nil, fmt.Errorf("make the set: %w", err)
	}
	c, err := loadContents(file)
	return s, c, err
}
