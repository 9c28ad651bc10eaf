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

	"github.com/bayplan/bayplan/internal/fault"
)

// A dirStore keeps images in a directory: images/ID.json says what is known
// of an image, images/ID holds its data. Every file is written beside its
// place, synced and renamed, and its directory synced, so that at any moment
// the directory is a state that the cloud was in.
type dirStore struct {
	dir      string // .../images
	readOnly bool
	lock     *flock.Flock // nil when read-only
}

// tempPrefix starts the name of every file that is not in its place yet.
const tempPrefix = ".tmp-"

var errReadOnly = &refusal{403, "this cloud is read-only"}

func openDirStore(dir string, readOnly bool) (*dirStore, error) {
	s := &dirStore{dir: filepath.Join(dir, "images"), readOnly: readOnly}
	if readOnly {
		return s, nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of the cloud: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, fmt.Errorf("making the directory of the cloud: %w", err)
	}
	s.lock = flock.New(filepath.Join(dir, "lock"))
	switch ok, err := s.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the cloud in %q: %w", dir, err)
	case !ok:
		return nil, fault.WithHint(fmt.Errorf("the cloud in %q is in use by another process", dir),
			"stop that one, or reach it under its address instead of embedding its directory")
	}
	return s, nil
}

func (s *dirStore) close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Unlock()
}

func (s *dirStore) path(id string) string   { return filepath.Join(s.dir, id) }
func (s *dirStore) record(id string) string { return filepath.Join(s.dir, id+".json") }

func (s *dirStore) load() ([]image, error) {
	entries, err := os.ReadDir(s.dir)
	if isMissing(err) && s.readOnly {
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
		i, err := s.read(id)
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	if s.readOnly {
		return list, nil
	}
	return list, s.tidy(list, entries)
}

func (s *dirStore) read(id string) (image, error) {
	var i image
	data, err := os.ReadFile(s.record(id))
	if err != nil {
		return i, fmt.Errorf("reading the record of an image: %w", err)
	}
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("the record of an image, %s: %w", s.record(id), err)
	}
	if i.ID != id {
		return i, fmt.Errorf("the record of an image, %s, is that of %q", s.record(id), i.ID)
	}
	return i, nil
}

// tidy removes what a process that was killed has left, and checks that all
// data are there.
func (s *dirStore) tidy(list []image, entries []os.DirEntry) error {
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
		if err := os.Remove(s.path(name)); err != nil {
			return fmt.Errorf("removing what an upload left: %w", err)
		}
	}
	return nil
}

func (s *dirStore) checkData(i image) error {
	info, err := os.Stat(s.path(i.ID))
	if err != nil {
		return fmt.Errorf("the data of image %q: %w", i.ID, err)
	}
	if i.Data == nil || info.Size() != i.Data.Size {
		return fmt.Errorf("the data of image %q, %s, do not have the size that its record names", i.ID, s.path(i.ID))
	}
	return nil
}

func (s *dirStore) save(i image) error {
	if i.Status == saving {
		i.Status = queued // what it is again, should the process die now
	}
	data, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	f, err := s.createFile(s.record(i.ID))
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

// remove leaves the id behind first, so that a crash between the two leaves
// data that nobody speaks of, and not an image without its data.
func (s *dirStore) remove(id string) error {
	if err := s.save(image{ID: id, Status: deleted}); err != nil {
		return err
	}
	if err := os.Remove(s.path(id)); err != nil && !isMissing(err) {
		return err
	}
	return nil
}

func (s *dirStore) create(id string) (upload, error) { return s.createFile(s.path(id)) }

func (s *dirStore) open(id string) (io.ReadSeekCloser, error) { return os.Open(s.path(id)) }

// A dirFile is a file on its way to its place.
type dirFile struct {
	*os.File
	place string
	done  bool
}

func (s *dirStore) createFile(place string) (*dirFile, error) {
	if s.readOnly {
		return nil, errReadOnly
	}
	f, err := os.CreateTemp(s.dir, tempPrefix)
	if err != nil {
		return nil, err
	}
	return &dirFile{File: f, place: place}, nil
}

func (f *dirFile) seal() error {
	return errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
}

func (f *dirFile) commit() error {
	if err := os.Rename(f.Name(), f.place); err != nil {
		return err
	}
	f.done = true
	return syncDir(filepath.Dir(f.place))
}

func (f *dirFile) abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.Close() // nothing of the file is kept, so no error matters
	_ = os.Remove(f.Name())
}

// syncDir makes the names in a directory durable. Some network file systems
// cannot sync a directory and keep its names all the same.
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
