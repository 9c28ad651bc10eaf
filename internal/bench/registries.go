package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// registryScript starts Debian's docker-registry, for the integration tests as for us.
const registryScript = "internal/integration/registry.sh"

// A server is a registry on loopback with its data in dir.
type server struct {
	dir, host string
	run       *child
}

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
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return s.start(ctx)
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
