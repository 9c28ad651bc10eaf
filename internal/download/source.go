package download

import (
	"context"
	"io"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/readers"
)

// A Source has the bytes of a file that never changes, such as a blob of a registry. It
// repeats requests that may be repeated.
type Source struct {
	Size int64 // in bytes
	// Open gives the bytes from one on, to the last.
	Open func(ctx context.Context, from int64) (io.ReadCloser, error)
}

// receiveSource reads the file, or the rest of it, and writes it to the part.
func (t *transfer) receiveSource(ctx context.Context) error {
	if t.part == nil {
		t.remote = Remote{Size: t.Source.Size}
		var err error
		if t.part, err = openPart(partName(t.To, t.URL, t.remote), t.Want); err != nil {
			return err
		}
	}
	if t.part.n > t.remote.Size {
		return errRestart
	}
	t.part.resumed = t.part.n > 0
	if err := CheckSpace(filepath.Dir(t.To), t.remote.Size-t.part.n); err != nil {
		return err
	}
	body, err := t.Source.Open(ctx, t.part.n)
	if err != nil {
		return err
	}
	defer body.Close()
	return t.copyBody(readers.WithContext(ctx, newSlowGuard(body)))
}
