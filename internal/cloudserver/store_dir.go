package cloudserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// A dirStore keeps images in a directory: images/ID.json is the record of an
// image, images/ID its data. Each file is written under a temporary name, synced
// and renamed, and the directory is synced. So at any moment the directory is a
// state that the cloud was in.
type dirStore struct {
	dir      string // .../images
	readOnly bool
	lock     *flock.Flock // nil when read-only
}

// tempPrefix is how temporary names begin.
const tempPrefix = ".tmp-"

var errReadOnly = &refusal{403, "this cloud is read-only"}

func openDirStore(dir string, readOnly bool) (*dirStore, error) {
	s := &dirStore{dir: filepath.Join(dir, "images"), readOnly: readOnly}
	if readOnly {
		return s, nil
	}
	if _, err := durable.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of the cloud: %w", err)
	}
	s.lock = flock.New(filepath.Join(dir, "lock"))
	switch ok, err := s.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the cloud in %q: %w", dir, err)
	case !ok:
		return nil, fault.WithHint(fmt.Errorf("the cloud in %q is in use by another process", dir),
			"stop that process, or use its address instead of embedding its directory")
	}
	return s, nil
}

func (s *dirStore) close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Unlock()
}

func (s *dirStore) dataPath(id string) string   { return filepath.Join(s.dir, id) }
func (s *dirStore) recordPath(id string) string { return filepath.Join(s.dir, id+".json") }

func (s *dirStore) load() ([]image, error) {
	entries, err := os.ReadDir(s.dir)
	if os.IsNotExist(err) && s.readOnly {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the images of the cloud: %w", err)
	}
	list := []image{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !isUUID(id) {
			continue
		}
		i, err := s.readRecord(id)
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	if s.readOnly {
		return list, nil
	}
	return list, s.removeLeftovers(list, entries)
}

func (s *dirStore) readRecord(id string) (image, error) {
	var i image
	data, err := os.ReadFile(s.recordPath(id))
	if err != nil {
		return i, fmt.Errorf("reading the record of an image: %w", err)
	}
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("the record of an image, %s: %w", s.recordPath(id), err)
	}
	if i.ID != id {
		return i, fmt.Errorf("the record of an image, %s, is that of %q", s.recordPath(id), i.ID)
	}
	return i, nil
}

// removeLeftovers removes the files of unfinished writes that a killed process has
// left. It also checks that all images have their data.
func (s *dirStore) removeLeftovers(list []image, entries []os.DirEntry) error {
	wanted := map[string]bool{}
	for _, i := range list {
		if i.Status != active {
			continue
		}
		wanted[i.ID] = true
		if err := s.checkData(i); err != nil {
			return err
		}
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, tempPrefix) && (!isUUID(name) || wanted[name]) {
			continue
		}
		if err := os.Remove(s.dataPath(name)); err != nil {
			return fmt.Errorf("removing the file of an unfinished upload: %w", err)
		}
	}
	return nil
}

func (s *dirStore) checkData(i image) error {
	info, err := os.Stat(s.dataPath(i.ID))
	if err != nil {
		return fmt.Errorf("the data of image %q: %w", i.ID, err)
	}
	if i.Data == nil || info.Size() != i.Data.Size {
		return fmt.Errorf("the data of image %q, %s, do not have the size in its record", i.ID, s.dataPath(i.ID))
	}
	return nil
}

func (s *dirStore) save(i image) error {
	if i.Status == saving {
		i.Status = queued // its state if the process ends now
	}
	data, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	f, err := s.createFile(s.recordPath(i.ID))
	if err != nil {
		return err
	}
	defer f.abort()
	if _, err := f.Write(append(data, '\n')); err != nil {
		return err
	}
	if err := f.seal(); err != nil {
		return err
	}
	return f.commit()
}

// remove first replaces the record by the id alone. A crash after that leaves
// data without a record, never a record without its data.
func (s *dirStore) remove(id string) error {
	if err := s.save(image{ID: id, Status: deleted}); err != nil {
		return err
	}
	if err := os.Remove(s.dataPath(id)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (s *dirStore) create(id string) (upload, error) { return s.createFile(s.dataPath(id)) }

func (s *dirStore) open(id string) (io.ReadSeekCloser, error) { return os.Open(s.dataPath(id)) }

// A dirFile is a file with a temporary name.
type dirFile struct {
	*os.File
	target string
	done   bool
}

func (s *dirStore) createFile(place string) (*dirFile, error) {
	if s.readOnly {
		return nil, errReadOnly
	}
	f, err := os.CreateTemp(s.dir, tempPrefix)
	if err != nil {
		return nil, err
	}
	return &dirFile{File: f, target: place}, nil
}

func (f *dirFile) seal() error {
	return errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
}

func (f *dirFile) commit() error {
	if err := os.Rename(f.Name(), f.target); err != nil {
		return err
	}
	f.done = true
	return syncDir(filepath.Dir(f.target))
}

func (f *dirFile) abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.Close() // the file is removed, so its errors do not matter
	_ = os.Remove(f.Name())
}

// syncDir makes the names in a directory durable. Some network file systems
// cannot sync a directory, but keep its names anyway.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
