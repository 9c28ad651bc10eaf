package glanceupload

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// planned gives the file that apply would write.
func (f directoryImage) planned() runner.File {
	file := runner.File{Path: f.to.Path, Size: f.size, Mode: hostfiles.DefaultMode, Open: f.file.Open}
	if f.sum != "" {
		file.Sums = map[runner.Algo]string{runner.SHA512: f.sum}
	}
	if f.convert {
		file.Open = nil // the content is known only after it was unpacked
	}
	return file
}

// apply stores the image. The old file keeps its content under its backup name. At any
// moment the path names the complete old file or the complete new one.
func (f *directoryImage) apply(ctx context.Context, p runner.Progress) error {
	began := time.Now()
	if f.op != "" {
		if err := f.write(ctx, p); err != nil {
			return err
		}
	}
	for _, path := range f.drop {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, it := range f.items() {
		if it.Name == f.to.Path {
			it.Began = began
		}
		p.Done(it)
	}
	return nil
}

func (f *directoryImage) write(ctx context.Context, p runner.Progress) error {
	file, err := f.file.OpenContent(f.Disk, f.convert)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha512.New()
	err = durable.WriteFile(f.to.Path, hostfiles.DefaultMode, func(to io.Writer) error {
		from := readers.Counting(readers.WithContext(ctx, io.NewSectionReader(file, 0, f.size)), p.Add)
		if err := f.copyContent(to, sum, from); err != nil {
			return err
		}
		return f.renameToBackup()
	})
	if err != nil {
		return err
	}
	f.sum = hex.EncodeToString(sum.Sum(nil))
	if f.onSHA512 != nil {
		f.onSHA512(f.sum)
	}
	return nil
}

// copyContent copies the content and compares its size and digest with the wanted ones.
func (f *directoryImage) copyContent(to io.Writer, sum hash.Hash, from io.Reader) error {
	var n int64
	var err error
	if file, ok := to.(*os.File); ok && f.convert {
		n, err = copySparse(file, sum, from)
	} else {
		n, err = io.CopyBuffer(io.MultiWriter(to, sum), from, make([]byte, 1<<20))
	}
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.size || f.sum != "" && got != f.sum {
		return fmt.Errorf("%s changed since it was looked at", f.file.Path)
	}
	return nil
}

// renameToBackup gives the old file its backup name. The file also keeps its own name
// until the new file takes it.
func (f *directoryImage) renameToBackup() error {
	if f.backup == "" {
		return nil
	}
	err := os.Link(f.to.Path, f.backup)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist): // the old file was moved or removed
		return nil
	case errors.Is(err, fs.ErrExist):
		return checkSameFile(f.to.Path, f.backup)
	}
	// Some file systems have no links, and some hosts do not allow links to files of
	// other users.
	return os.Rename(f.to.Path, f.backup)
}

// checkSameFile gives an error if the backup name is taken by another file. The same file
// may have it: then a run was stopped after this point.
func checkSameFile(path, backup string) error {
	a, err := os.Stat(path)
	if err != nil {
		return err
	}
	b, err := os.Stat(backup)
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return fmt.Errorf("%s cannot be renamed to %s: another file has that name", path, backup)
	}
	return nil
}

// copySparse copies and leaves holes for blocks of zeros.
func copySparse(to *os.File, sum hash.Hash, from io.Reader) (n int64, err error) {
	const block = 64 << 10
	buf, zeros := make([]byte, block), make([]byte, block)
	for {
		k, err := io.ReadFull(from, buf)
		sum.Write(buf[:k])
		if k > 0 && !bytes.Equal(buf[:k], zeros[:k]) {
			if _, err := to.WriteAt(buf[:k], n); err != nil {
				return n, err
			}
		}
		n += int64(k)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return n, to.Truncate(n)
		case err != nil:
			return n, err
		}
	}
}
