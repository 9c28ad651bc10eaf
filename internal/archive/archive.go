// Package archive reads tar archives that nobody vouches for: plain, or
// compressed by gzip, zstd, xz or bzip2. It lists them and unpacks them into a
// directory, so that a hostile or a broken archive does no harm and leaves
// nothing behind: only regular files and directories, only inside the
// directory, within limits, and all of the archive read to its end before the
// first file gets its name. It knows nothing of steps.
package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"

	"github.com/bayplan/bayplan/internal/fault"
)

// An Entry is one regular file or directory of an archive.
type Entry struct {
	Name   string // cleaned, relative, with slashes
	Size   int64
	Mode   fs.FileMode // 0644 or 0755, with fs.ModeDir for a directory
	SHA256 string      // lower-case hex, "" for a directory
	SHA512 string      // only when asked for
}

// IsDir says whether the entry is a directory.
func (e Entry) IsDir() bool { return e.Mode.IsDir() }

// Options say how an archive is read. The zero value is good.
type Options struct {
	Limits Limits
	// SHA256 that the archive must have as a whole, in lower-case hex. With
	// it an archive without end mark is accepted: nothing can have been cut.
	SHA256 string
	// SHA512 asks for this digest of every entry too.
	SHA512 bool
}

// A DigestError tells that an archive is not the one that was asked for.
type DigestError struct{ Got, Want string }

// Error gives both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("its sha256 is %s, not %s", e.Got, e.Want)
}

// List reads a whole archive and gives what it holds, in the archive's order.
// A nil error means that all of it was read, to the end of the compressed
// stream, and that Extract would take it.
func List(ctx context.Context, r io.Reader, o Options) ([]Entry, error) {
	return walk(ctx, r, o, discard{})
}

// Open gives the content of one file of an archive. The content is as
// trustworthy as the archive: what stands behind the file was not looked at.
// Closing the reader closes r.
func Open(ctx context.Context, r io.ReadCloser, name string, o Options) (io.ReadCloser, error) {
	s, err := newStream(ctx, r, o)
	if err != nil {
		r.Close()
		return nil, err
	}
	for {
		e, err := s.next()
		if err == io.EOF {
			err = fmt.Errorf("entry %q: %w", name, fs.ErrNotExist)
		}
		if err != nil {
			s.close()
			r.Close()
			return nil, err
		}
		if e.Name == path.Clean(name) && !e.IsDir() {
			return &content{s, r}, nil
		}
	}
}

// content is an opened file of an archive.
type content struct {
	s *stream
	r io.Closer
}

func (c *content) Read(p []byte) (int, error) { return c.s.tar.Read(p) }

func (c *content) Close() error {
	c.s.close()
	return c.r.Close()
}

// whole checks an archive's own digest while it is read.
type whole struct {
	r    io.Reader
	hash hash.Hash
}

func newWhole(r io.Reader) *whole { return &whole{r, sha256.New()} }

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.hash.Write(p[:n])
	return n, err
}

func (w *whole) check(want string) error {
	got := hex.EncodeToString(w.hash.Sum(nil))
	if got == want {
		return nil
	}
	return fault.WithHint(&DigestError{got, want}, "the archive is not the one that was meant, or it was damaged on its way")
}

// Digest gives a sha256 over what an archive holds: the names, modes, sizes and
// digests of its entries, in their order. However it is packed, it is the same.
func Digest(entries []Entry) string {
	h := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(h, "%o %d %s %q\n", e.Mode, e.Size, e.SHA256, e.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
