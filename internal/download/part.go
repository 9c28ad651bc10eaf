package download

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
)

// A part is a partly downloaded file. It is beside its target, under a name that
// identifies the URL and its version, so that after a killed process the next one
// knows whether it can resume. It is locked while its process lives.
type part struct {
	file    *os.File
	sums    *hasher
	n       int64 // bytes in the file, all hashed
	resumed bool  // some of them are from an earlier answer
}

// partPrefix is how the names of all parts of a target begin.
func partPrefix(target string) string {
	base := filepath.Base(target)
	if len(base) > 180 {
		sum := sha256.Sum256([]byte(base))
		base = hex.EncodeToString(sum[:])
	}
	return durable.PartPrefix + base + "-fetch-"
}

// partName returns the name of the part for one version of a URL.
func partName(target, url string, found Remote) string {
	sum := sha256.Sum256([]byte(url + "\n" + found.validator()))
	return filepath.Join(filepath.Dir(target), partPrefix(target)+hex.EncodeToString(sum[:8]))
}

// Parts returns the unfinished files of a target, of this and of earlier runs.
func Parts(target string) []string {
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix(target)) && e.Type().IsRegular() {
			found = append(found, filepath.Join(filepath.Dir(target), e.Name()))
		}
	}
	return found
}

// openPart opens or creates a part, and hashes its content.
func openPart(name string, want Digests) (*part, error) {
	f, err := openOwn(name)
	if err != nil {
		return nil, err
	}
	p := &part{file: f, sums: newHasher(want)}
	if err := p.lock(); err != nil {
		f.Close()
		return nil, err
	}
	if p.n, err = io.CopyBuffer(p.sums, f, make([]byte, copyBuffer)); err != nil {
		f.Close()
		return nil, err
	}
	p.resumed = p.n > 0
	return p, nil
}

// openOwn creates a part, or opens one that this user has left. In the place of one
// that another user can have written, it creates a part with another name.
func openOwn(name string) (*os.File, error) {
	const create, existing = os.O_RDWR | os.O_CREATE | os.O_EXCL, os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(name, create, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	f, err = os.OpenFile(name, existing, 0)
	if errors.Is(err, fs.ErrPermission) {
		return os.OpenFile(name+"-"+rand.Text(), create, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() && !durable.OwnAlone(fi) {
		f.Close()
		return os.OpenFile(name+"-"+rand.Text(), create, 0o600)
	}
	return f, nil
}

const copyBuffer = 1 << 20

// lock locks the part. It checks that the file is regular and still has its name.
func (p *part) lock() error {
	err := unix.Flock(int(p.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("another process is fetching the same file")
	}
	opened, err := p.file.Stat()
	if err != nil {
		return err
	}
	if !opened.Mode().IsRegular() {
		return fmt.Errorf("%s is in the way: it is not a regular file", p.file.Name())
	}
	named, err := os.Lstat(p.file.Name())
	if err != nil || !os.SameFile(named, opened) {
		return errors.Join(errors.New("another process has just fetched the same file"), err)
	}
	return nil
}

// restart empties the part.
func (p *part) restart(want Digests) error {
	p.n, p.resumed, p.sums = 0, false, newHasher(want)
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sums.Write(b[:n])
	p.n += int64(n)
	return n, err
}

// remove closes the part and removes it.
func (p *part) remove() {
	os.Remove(p.file.Name())
	p.file.Close()
}

// RemoveParts removes the unfinished files of a target that no living process has
// locked, except the one with the name but.
func RemoveParts(target, but string) error {
	for _, name := range Parts(target) {
		if name == but {
			continue
		}
		p, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // renamed meanwhile, or owned by another user
		}
		if err != nil {
			return err
		}
		dead := unix.Flock(int(p.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
		if dead {
			err = os.Remove(name)
		}
		p.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
