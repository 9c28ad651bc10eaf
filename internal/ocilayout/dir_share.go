package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
)

func (s *dirStore) Begin(context.Context) error {
	s.sharing.Lock()
	defer s.sharing.Unlock()
	s.users++
	return nil
}

// share keeps other processes from removing blobs while the execution lasts.
// The first call removes what killed processes left.
func (s *dirStore) share() error {
	s.sharing.Lock()
	defer s.sharing.Unlock()
	if s.users == 0 || s.shared != nil {
		return nil
	}
	f, err := os.Open(filepath.Join(s.dir, layoutFile))
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		return errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	s.shared = f
	return s.removeLeftovers()
}

// removeLeftovers removes the blobs that killed processes left unfinished.
func (s *dirStore) removeLeftovers() error {
	root := filepath.Join(s.dir, blobsDir)
	dirs, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, dir := range dirs {
		if err := durable.RemoveLeftovers(filepath.Join(root, dir.Name())); err != nil && !errors.Is(err, syscall.ENOTDIR) {
			return err
		}
	}
	return nil
}

func (s *dirStore) Commit() error {
	s.sharing.Lock()
	defer s.sharing.Unlock()
	s.users = max(0, s.users-1)
	if s.users > 0 || s.shared == nil {
		return nil
	}
	f := s.shared
	s.shared = nil
	return f.Close() // ends the lock
}

func (s *dirStore) Blobs() (map[digest.Digest]int64, error) {
	all := map[digest.Digest]int64{}
	err := s.eachBlob(func(path string, d digest.Digest) error {
		fi, err := os.Lstat(path)
		if err == nil {
			all[d] = fi.Size()
		}
		return err
	})
	return all, err
}

// eachBlob visits the files of the blobs, without the unfinished ones. The digest of a
// file that is no blob is invalid. Other goroutines and processes add and remove files
// meanwhile: one that has gone is passed over.
func (s *dirStore) eachBlob(do func(path string, d digest.Digest) error) error {
	root := filepath.Join(s.dir, blobsDir)
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), durable.PartPrefix) {
			err = do(path, digestOfFile(root, path))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// digestOfFile gives the digest that the name of a blob's file stands for.
func digestOfFile(root, path string) digest.Digest {
	name := strings.TrimPrefix(path, root+string(filepath.Separator))
	return digest.Digest(strings.Replace(name, string(filepath.Separator), ":", 1))
}

func (s *dirStore) deleteUnreferenced(needed map[digest.Digest]bool) error {
	f, err := os.Open(filepath.Join(s.dir, layoutFile))
	if err != nil {
		return err
	}
	defer f.Close() // ends the lock
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s: another run is writing it", s.dir)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	idx, err := s.Index() // nobody adds a blob from now on
	if err == nil {
		err = checkMarked(idx, needed, s.dir)
	}
	if err != nil {
		return err
	}
	if err := s.removeLeftovers(); err != nil {
		return err
	}
	return s.eachBlob(func(path string, d digest.Digest) error {
		if needed[d] {
			return nil
		}
		return os.Remove(path)
	})
}
