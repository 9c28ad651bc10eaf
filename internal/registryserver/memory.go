package registryserver

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// memory is the storage in memory.
type memory struct {
	mu    sync.Mutex // several requests run at a time
	repos map[string]*repository
}

func newMemory() *memory { return &memory{repos: map[string]*repository{}} }

func (m *memory) repository(name string, write bool) *repository {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.repos[name]
	if r == nil {
		r = newRepository(name, newMemoryStore())
		if write {
			m.repos[name] = r
		}
	}
	return r
}

func (m *memory) after(last string, n int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, name := range slices.Sorted(maps.Keys(m.repos)) {
		if len(found) == n {
			break
		}
		if name <= last {
			continue
		}
		if idx, _ := m.repos[name].Index(); len(idx.Manifests) > 0 { // memory gives no error
			found = append(found, name)
		}
	}
	return found, nil
}

// A memoryStore keeps a repository in memory.
type memoryStore struct {
	mu    sync.RWMutex // guards what follows
	blobs map[digest.Digest][]byte
	all   *layoutindex.Index
}

func newMemoryStore() *memoryStore {
	return &memoryStore{blobs: map[digest.Digest][]byte{}, all: &layoutindex.Index{}}
}

func (m *memoryStore) Index() (*layoutindex.Index, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.all, nil
}

func (m *memoryStore) Change(do func(*layoutindex.Index) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	idx := m.all.Clone()
	if err := do(idx); err != nil {
		return err
	}
	m.all = idx
	return nil
}

func (m *memoryStore) Open(d digest.Digest) (ocilayout.Blob, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.blobs[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return memoryBlob{bytes.NewReader(data), data}, nil
}

type memoryBlob struct {
	*bytes.Reader
	data []byte
}

func (memoryBlob) Close() error { return nil }

func (m *memoryStore) Link(d digest.Digest, from ocilayout.Blob) error {
	b, ok := from.(memoryBlob)
	if !ok {
		return errors.ErrUnsupported
	}
	m.put(d, b.data)
	return nil
}

func (m *memoryStore) put(d digest.Digest, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[d] = data
}

func (m *memoryStore) Remove(d digest.Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.blobs[d]; !ok {
		return fs.ErrNotExist
	}
	delete(m.blobs, d)
	return nil
}

func (m *memoryStore) Create(descriptor.Descriptor) (ocilayout.Upload, error) {
	return &memoryUpload{store: m}, nil
}

type memoryUpload struct {
	store *memoryStore
	data  []byte
}

func (u *memoryUpload) Write(p []byte) (int, error) {
	u.data = append(u.data, p...)
	return len(p), nil
}

func (u *memoryUpload) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(u.data).ReadAt(p, at)
}

func (u *memoryUpload) Commit(d digest.Digest) error {
	u.store.put(d, slices.Clip(u.data))
	return nil
}

func (*memoryUpload) Abort() {}
