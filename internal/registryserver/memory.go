package registryserver

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/regclient/regclient/types/oci/v1"
)

// memory is the storage of what is not to last.
type memory struct {
	mu    sync.Mutex // requests come on goroutines of their own
	repos map[string]*repository
}

func newMemory() *memory { return &memory{repos: map[string]*repository{}} }

func (m *memory) repository(name string, write bool) *repository {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.repos[name]
	if r == nil {
		r = newRepository(name, &memoryVault{blobs: map[digest.Digest][]byte{}})
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
		if idx, _ := m.repos[name].index(); len(idx.Manifests) > 0 { // memory gives no error
			found = append(found, name)
		}
	}
	return found, nil
}

// A memoryVault keeps a repository in memory.
type memoryVault struct {
	mu    sync.RWMutex // guards what follows
	blobs map[digest.Digest][]byte
	all   v1.Index
}

func (v *memoryVault) index() (v1.Index, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.all, nil
}

func (v *memoryVault) save(idx v1.Index) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = idx
	return nil
}

func (v *memoryVault) blob(d digest.Digest) ([]byte, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	data, ok := v.blobs[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (v *memoryVault) put(d digest.Digest, data []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.blobs[d] = data
}

func (v *memoryVault) open(d digest.Digest) (io.ReadSeekCloser, error) {
	data, err := v.blob(d)
	if err != nil {
		return nil, err
	}
	return memoryBlob{bytes.NewReader(data)}, nil
}

type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

func (v *memoryVault) link(d digest.Digest, from vault) error {
	other, ok := from.(*memoryVault)
	if !ok {
		return errors.ErrUnsupported
	}
	data, err := other.blob(d)
	if err == nil {
		v.put(d, data)
	}
	return err
}

func (v *memoryVault) remove(d digest.Digest) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.blobs[d]; !ok {
		return fs.ErrNotExist
	}
	delete(v.blobs, d)
	return nil
}

func (v *memoryVault) stage() (staged, error) { return &memoryStaged{vault: v}, nil }

type memoryStaged struct {
	vault *memoryVault
	data  []byte
}

func (s *memoryStaged) Write(p []byte) (int, error) {
	s.data = append(s.data, p...)
	return len(p), nil
}

func (s *memoryStaged) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(s.data).ReadAt(p, at)
}

func (s *memoryStaged) keep(d digest.Digest) error {
	s.vault.put(d, slices.Clip(s.data))
	return nil
}

func (s *memoryStaged) drop() {}
