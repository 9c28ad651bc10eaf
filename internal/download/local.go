package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/readers"
)

// Copy copies a local file as Fetch downloads one.
func Copy(ctx context.Context, from io.Reader, size int64, d Download) (Result, error) {
	t := &transfer{Download: d, remote: Remote{Size: size}}
	defer t.close()
	if err := RemoveParts(d.To, ""); err != nil {
		return Result{}, err
	}
	err := t.copyFrom(ctx, from)
	if err == nil {
		err = t.finish()
	}
	if err != nil {
		if t.part != nil {
			t.part.remove()
			t.part = nil
		}
		return Result{}, explainFull(withURL(d.Request, err))
	}
	return t.result, nil
}

func (t *transfer) copyFrom(ctx context.Context, from io.Reader) (err error) {
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
	if errors.Is(err, errRestart) || err == nil && t.part.n != t.remote.Size {
		return fmt.Errorf("its size has changed since it was %d bytes", t.remote.Size)
	}
	return err
}
