package registryserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/mediatype"
	v1 "github.com/regclient/regclient/types/oci/v1"

	"github.com/bayplan/bayplan/internal/durable"
)

// directory is the storage in a directory: each repository is an OCI image
// layout in the directory of its name. Others may read it at any moment.
//
// Blobs come in under uploadsDir and get their names by a rename; the index
// is written after all that it names. So a process that is killed leaves blobs
// too many at the most, and what is under uploadsDir.
type directory struct {
	root  string
	mu    sync.Mutex // requests come on goroutines of their own
	repos map[string]*repository
}

// What is in the root besides repositories. No name of one begins with a dot.
const (
	lockName   = ".lock"
	uploadsDir = ".uploads"
)

// What is in a repository besides others whose names go on from its own.
const (
	blobsDir      = "blobs"
	indexFile     = "index.json"
	layoutFile    = "oci-layout"
	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
)

const (
	fileMode = fs.FileMode(0o644)
	dirMode  = fs.FileMode(0o755)
)

func newDirectory(root string) *directory {
	return &directory{root: root, repos: map[string]*repository{}}
}

func (d *directory) repository(name string, write bool) *repository {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.repos[name]
	if r == nil {
		dir := filepath.Join(d.root, filepath.FromSlash(name))
		r = newRepository(name, &directoryVault{root: d.root, dir: dir})
		if _, err := os.Stat(dir); err == nil || write {
			d.repos[name] = r
		}
	}
	return r
}

// A directoryVault keeps a repository in a directory. It is the only one that
// writes there.
type directoryVault struct {
	root, dir string

	mu   sync.Mutex // guards what follows
	file fs.FileInfo
	read v1.Index // from file
}

func (v *directoryVault) index() (v1.Index, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := openRegular(filepath.Join(v.dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return v1.Index{}, nil
	}
	if err != nil {
		return v1.Index{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || v.file != nil && sameFile(fi, v.file) {
		return v.read, err
	}
	idx, err := readIndex(f)
	if err == nil {
		v.file, v.read = fi, idx
	}
	return idx, err
}

func readIndex(f *os.File) (idx v1.Index, err error) {
	text, err := io.ReadAll(f)
	if err == nil {
		err = json.Unmarshal(text, &idx)
	}
	if err != nil {
		return v1.Index{}, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return idx, nil
}

// sameFile says that a file is as it was when it was looked at before.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// openRegular opens a file. It follows no link at the end of the path, and waits
// for nobody who writes to a pipe.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", path), err, f.Close())
	}
	return f, nil
}

func (v *directoryVault) save(idx v1.Index) error {
	idx.Versioned, idx.MediaType = v1.IndexSchemaVersion, mediatype.OCI1ManifestList
	text, err := json.Marshal(idx)
	if err != nil {
		return err
	}
	if err := v.make(); err != nil {
		return err
	}
	path := filepath.Join(v.dir, indexFile)
	if err := durable.WriteBytes(path, fileMode, text); err != nil {
		return err
	}
	fi, err := os.Lstat(path)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.file, v.read = fi, idx
	return err
}

// make makes the directory a layout.
func (v *directoryVault) make() error {
	if _, err := durable.MkdirAll(v.dir, dirMode); err != nil {
		return err
	}
	file := filepath.Join(v.dir, layoutFile)
	if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
		return nil
	}
	return durable.WriteBytes(file, fileMode, []byte(layoutVersion))
}

// path gives a blob's file. Layouts that others made may name anything.
func (v *directoryVault) path(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("the digest %q in %s: %w", d, v.dir, err)
	}
	return filepath.Join(v.dir, blobsDir, d.Algorithm().String(), d.Encoded()), nil
}

func (v *directoryVault) open(d digest.Digest) (io.ReadSeekCloser, error) {
	path, err := v.path(d)
	if err != nil {
		return nil, err
	}
	return openRegular(path)
}

// link gives the blob a second name. Blobs are only ever put in place as a
// whole and removed, so that is as good as a copy.
func (v *directoryVault) link(d digest.Digest, from vault) error {
	other, ok := from.(*directoryVault)
	if !ok {
		return errors.ErrUnsupported
	}
	old, err := other.path(d)
	if err != nil {
		return err
	}
	return v.place(d, func(path string) error {
		err := os.Link(old, path)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	})
}

// place has a blob put under its name, and makes that last.
func (v *directoryVault) place(d digest.Digest, put func(path string) error) error {
	path, err := v.path(d)
	if err != nil {
		return err
	}
	if _, err := durable.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	if err := put(path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

func (v *directoryVault) remove(d digest.Digest) error {
	path, err := v.path(d)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

func (v *directoryVault) stage() (staged, error) {
	uploads := filepath.Join(v.root, uploadsDir)
	if err := os.MkdirAll(uploads, dirMode); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(uploads, "")
	if err != nil {
		return nil, err
	}
	return &stagedFile{f, v}, nil
}

type stagedFile struct {
	*os.File
	vault *directoryVault
}

func (s *stagedFile) keep(d digest.Digest) error {
	defer s.drop()
	if err := durable.SetMode(s.File, fileMode); err != nil {
		return err
	}
	if err := s.Sync(); err != nil {
		return err
	}
	return s.vault.place(d, func(path string) error {
		if isWhole(path, d) {
			return nil // and may have other names, too
		}
		return os.Rename(s.Name(), path)
	})
}

// isWhole says whether a file is there with the bytes that it is to have.
func isWhole(path string, d digest.Digest) bool {
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	v := d.Verifier()
	_, err = io.Copy(v, f)
	return err == nil && v.Verified()
}

func (s *stagedFile) drop() {
	_ = s.Close()
	_ = os.Remove(s.Name()) // what is left goes when the registry is opened again
}
