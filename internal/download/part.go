package download

import (
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

// A part is a file that has not come whole yet. It stands beside its target,
// under a name that tells which version of which address it is of: so whoever
// comes after a killed process knows whether it can be continued. It is locked
// as long as its process lives.
type part struct {
	file *os.File
	sums *hasher
	n    int64 // bytes there, all of them hashed
	old  bool  // some of them came with an earlier answer
}

// partPrefix begins the names of all parts of a target.
func partPrefix(target string) string {
	base := filepath.Base(target)
	if len(base) > 180 {
		sum := sha256.Sum256([]byte(base))
		base = hex.EncodeToString(sum[:])
	}
	return durable.PartPrefix + base + "-fetch-"
}

// partName gives the name of the part of one version of an address.
func partName(target, url string, found Remote) string {
	sum := sha256.Sum256([]byte(url + "\n" + found.validator()))
	return filepath.Join(filepath.Dir(target), partPrefix(target)+hex.EncodeToString(sum[:8]))
}

// Parts gives the unfinished files of a target, of this and of earlier runs.
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

// openPart opens the part of a name, or makes it. What it holds is hashed.
func openPart(name string, want Digests) (*part, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	p := &part{file: f, sums: newHasher(want)}
	if err := p.own(); err != nil {
		f.Close()
		return nil, err
	}
	if p.n, err = io.CopyBuffer(p.sums, f, make([]byte, copyBuffer)); err != nil {
		f.Close()
		return nil, err
	}
	p.old = p.n > 0
	return p, nil
}

const copyBuffer = 1 << 20

// own locks the part and makes sure that it is one, and still has its name.
func (p *part) own() error {
	err := unix.Flock(int(p.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("another process is fetching the same file")
	}
	opened, err := p.file.Stat()
	if err != nil {
		return err
	}
	if !opened.Mode().IsRegular() {
		return fmt.Errorf("%s is in the way: it is no regular file", p.file.Name())
	}
	named, err := os.Lstat(p.file.Name())
	if err != nil || !os.SameFile(named, opened) {
		return errors.Join(errors.New("another process has just fetched the same file"), err)
	}
	return nil
}

// restart empties the part.
func (p *part) restart(want Digests) error {
	p.n, p.old, p.sums = 0, false, newHasher(want)
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

// drop removes the part: nothing of it is worth keeping.
func (p *part) drop() {
	os.Remove(p.file.Name())
	p.file.Close()
}

// RemoveParts removes the unfinished files of a target whose processes do not
// live, but for the one of a name.
func RemoveParts(target, but string) error {
	for _, name := range Parts(target) {
		if name == but {
			continue
		}
		p, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // gone meanwhile, or somebody else's
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
