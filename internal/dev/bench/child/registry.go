package child

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// RegistryScript starts Debian's docker-registry. The integration tests use it, too.
const RegistryScript = "internal/dev/integration/registry.sh"

// A Registry is a registry on the loopback interface with its data in Dir.
type Registry struct {
	Dir, Host string
	run       *Process
}

// discardDir holds discarded data until Close.
func (s *Registry) discardDir() string { return s.Dir + ".used" }

// NewRegistry chooses the address of a registry.
func NewRegistry(dir string) (*Registry, error) {
	// The registry cannot report a port that it chose itself, so it gets a port
	// that was free a moment ago.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Registry{Dir: dir, Host: ln.Addr().String()}, ln.Close()
}

// Start starts the registry.
func (s *Registry) Start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.Host)
	if err != nil {
		return err
	}
	var said string
	if s.run, said, err = Start(ctx, RegistryScript, s.Dir, port); err != nil {
		return err
	}
	if said != "ready" {
		return fmt.Errorf("registry in %s says %q", s.Dir, said)
	}
	return nil
}

// Stop stops the registry, if it runs.
func (s *Registry) Stop() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.Stop()
}

// Empty restarts the registry without data.
func (s *Registry) Empty(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	if err := s.setAside(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	return s.Start(ctx)
}

// setAside moves the data to discardDir and frees its space. It does not remove
// the files: ext4 without a journal does not reuse inodes that were freed in the
// last minutes, but examines each of them whenever a file is created. That took
// a quarter of the time of the next run.
func (s *Registry) setAside() error {
	err := filepath.WalkDir(s.Dir, func(path string, f fs.DirEntry, err error) error {
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
	return os.Rename(s.Dir, filepath.Join(to, "data"))
}

// Close stops the registry and removes the discarded data.
func (s *Registry) Close() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.discardDir()))
}

// CloseAll closes registries, of which some may be nil.
func CloseAll(all ...*Registry) error {
	var errs []error
	for _, s := range all {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
