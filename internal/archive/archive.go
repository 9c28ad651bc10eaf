// Package archive reads untrusted tar archives: plain, or compressed by gzip,
// zstd, xz or bzip2. It lists them and unpacks them into a directory, so that a
// hostile or broken archive does no harm and leaves nothing behind. It unpacks
// only regular files and directories, only inside the directory, within limits,
// and it reads the archive to its end before the first file gets its name. It
// does not know steps.
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
	SHA512 string      // only with Options.SHA512
}

// IsDir reports whether the entry is a directory.
func (e Entry) IsDir() bool { return e.Mode.IsDir() }

// Options are how an archive is read. The zero value is valid.
type Options struct {
	Limits Limits
	// SHA256 is the digest that the whole archive must have, in lower-case
	// hex. With it an archive without end mark is accepted: it cannot be
	// truncated.
	SHA256 string
	// SHA512 asks for this digest of every entry, too.
	SHA512 bool
}

// A DigestError is the error of an archive with another digest than wanted.
type DigestError struct{ Got, Want string }

// Error names both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("its sha256 is %s, not %s", e.Got, e.Want)
}

// List reads a whole archive and returns its entries, in the archive's order.
// A nil error means that the archive was read to the end of its compressed
// stream and that Extract would accept it.
func List(ctx context.Context, r io.Reader, o Options) ([]Entry, error) {
	return walk(ctx, r, o, discard{})
}

// Open returns the content of one file of an archive. It does not check the
// part of the archive after that file. Closing the reader closes r.
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
			return &openedFile{s, r}, nil
		}
	}
}

// An openedFile is the reader that Open returns.
type openedFile struct {
	s *stream
	r io.Closer
}

func (c *openedFile) Read(p []byte) (int, error) { return c.s.tar.Read(p) }

func (c *openedFile) Close() error {
	c.s.close()
	return c.r.Close()
}

// hashingReader checks an archive's own digest while it is read.
type hashingReader struct {
	r    io.Reader
	hash hash.Hash
}

func newHashingReader(r io.Reader) *hashingReader { return &hashingReader{r, sha256.New()} }

func (w *hashingReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.hash.Write(p[:n])
	return n, err
}

func (w *hashingReader) check(want string) error {
	got := hex.EncodeToString(w.hash.Sum(nil))
	if got == want {
		return nil
	}
	return fault.WithHint(&DigestError{got, want}, "this is a different archive, or it was damaged in transit")
}

// Digest returns a sha256 over the content of an archive: the names, modes,
// sizes and digests of its entries, in their order. It does not depend on the
// compression.
func Digest(entries []Entry) string {
	h := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(h, "%o %d %s %q\n", e.Mode, e.Size, e.SHA256, e.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
