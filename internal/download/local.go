package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/readers"
)

// Copy brings a file that is at hand, as Fetch does one from a server.
func Copy(ctx context.Context, from io.Reader, size int64, d Download) (Result, error) {
	t := &transfer{Download: d, remote: Remote{Size: size}}
	defer t.close()
	if err := RemoveParts(d.To, ""); err != nil {
		return Result{}, err
	}
	err := t.take(ctx, from)
	if err == nil {
		err = t.finish()
	}
	if err != nil {
		if t.part != nil {
			t.part.drop()
			t.part = nil
		}
		return Result{}, explainFull(about(d.Request, err))
	}
	return t.result, nil
}

func (t *transfer) take(ctx context.Context, from io.Reader) (err error) {
	if t.part, err = openPart(partName(t.To, t.URL, t.remote), t.Want); err != nil {
		return err
	}
	if err := t.part.restart(t.Want); err != nil {
		return err
	}
	if err := CheckSpace(filepath.Dir(t.To), t.remote.Size); err != nil {
		return err
	}
	_, err = io.CopyBuffer(writerOnly{t}, readers.WithContext(ctx, from), make([]byte, copyBuffer))
	if errors.Is(err, errAnew) || err == nil && t.part.n != t.remote.Size {
		return fmt.Errorf("it had %d bytes a moment ago and has another size by now", t.remote.Size)
	}
	return err
}
