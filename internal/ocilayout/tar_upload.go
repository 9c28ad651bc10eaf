package ocilayout

import (
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// Create makes room for a blob. Its digest and size must be known.
func (s *tarStore) Create(want descriptor.Descriptor) (Upload, error) {
	if want.Size < 0 {
		return nil, fmt.Errorf("write %s: %w", s.path, errLength)
	}
	if err := want.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("write %s: %w", s.path, err)
	}
	w, at, err := s.room(want.Digest, want.Size)
	if err != nil {
		return nil, err
	}
	return &tarUpload{store: s, w: w, at: at, want: want.Digest}, nil
}

// room makes room for a blob. It returns no writer where the blob is there.
func (s *tarStore) room(d digest.Digest, size int64) (*tarWriter, span, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, found, err := s.find(d); err != nil || found && at.size == size {
		return nil, at, err
	}
	if err := s.begin(); err != nil {
		return nil, span{}, err
	}
	at, err := s.w.reserve(blobEntry(d), size)
	if err != nil {
		return nil, span{}, fmt.Errorf("write %s: %w", s.path, err)
	}
	s.w.open++
	return s.w, at, nil
}

// A tarUpload writes a blob into its room in the archive. Other blobs are
// written at the same time.
type tarUpload struct {
	store *tarStore
	w     *tarWriter // nil: the blob is there, and its bytes are dropped
	at    span
	want  digest.Digest
	n     int64 // bytes written
	ended bool
}

var errLength = errors.New("a blob comes without its length, or with another one")

func (u *tarUpload) Write(p []byte) (int, error) {
	if u.n+int64(len(p)) > u.at.size {
		return 0, errLength
	}
	n, err := len(p), error(nil)
	if u.w != nil {
		n, err = u.w.f.WriteAt(p, u.at.at+u.n)
	}
	u.n += int64(n)
	if err != nil {
		err = fmt.Errorf("write %s: %w", u.store.path, err)
	}
	return n, err
}

func (u *tarUpload) ReadAt(p []byte, off int64) (int, error) {
	return io.NewSectionReader(u.at.f, u.at.at, u.n).ReadAt(p, off)
}

func (u *tarUpload) Commit(d digest.Digest) error {
	if d != u.want || u.n != u.at.size {
		u.Abort()
		return errLength
	}
	if u.ended || u.w == nil {
		return nil
	}
	u.ended = true
	return u.store.finish(u, u.w.f.Sync()) // before the entry gets its name
}

func (u *tarUpload) Abort() {
	if u.ended || u.w == nil {
		return
	}
	u.ended = true
	_ = u.store.finish(u, errors.New("given up"))
}

// finish ends an upload. The room of a failed one is used again.
func (s *tarStore) finish(u *tarUpload, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, at := u.w, u.at
	w.open--
	if err == nil {
		err = w.nameEntry(at, blobEntry(u.want))
	}
	if err == nil {
		w.blobs[u.want] = at
	} else {
		room := at.following - at.header
		w.unused[room] = append(w.unused[room], at.header)
		err = fmt.Errorf("write %s: %w", s.path, err)
	}
	if w.abandoned && w.open == 0 && s.users == 0 && !w.changed {
		_ = s.release(w) // the execution of the blob has ended
	}
	return err
}

func (s *tarStore) Link(digest.Digest, Blob) error { return errors.ErrUnsupported }

func (s *tarStore) Remove(digest.Digest) error { return errors.ErrUnsupported }
