// Package textfile opens and reads the text files that people write: plans, variables,
// clouds.yaml, lists, checksums, keys and secrets. An editor may have put a byte order mark
// before the text, or may have saved it as UTF-16, and the path may name something that is
// not a file. The package treats all of them alike. It does not know any format.
package textfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// ErrTooLarge is the cause of the error of Read for a file that is larger than allowed.
var ErrTooLarge = errors.New("too large")

// mark is the byte order mark of UTF-8, which some editors put before a text.
var mark = []byte("\xef\xbb\xbf")

// Read gives the content of a file of at most so many bytes, as Decode gives it. The errors
// of the file system are those of package os, so they name the path.
func Read(ctx context.Context, path string, most int64) ([]byte, error) {
	f, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(raw)) > most:
		return nil, &fs.PathError{Op: "read", Path: path, Err: tooLargeError(most)}
	}
	text, err := Decode(raw)
	if err != nil {
		return nil, fault.WithHint(&fs.PathError{Op: "read", Path: path, Err: err}, fault.Hint(err))
	}
	return text, nil
}

// A tooLargeError is an ErrTooLarge that names the limit in bytes.
type tooLargeError int64

func (e tooLargeError) Error() string {
	if n := int64(e); n%(1<<20) == 0 {
		return fmt.Sprintf("the file is larger than %d MiB", n>>20)
	}
	return fmt.Sprintf("the file is larger than %s", human.Size(int64(e)))
}

func (e tooLargeError) Is(target error) bool { return target == ErrTooLarge }

// Open opens a regular file, or what the shell passes as a path: /dev/stdin, and the
// /dev/fd/N of <(command). It refuses everything else at once: opening a named pipe would
// wait until another process writes to it. Reading ends with the context.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, info, err := open(path, fromShell(path))
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return f, nil
	}
	return &stream{ctx: ctx, File: f, stop: context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })}, nil
}

// OpenRegular opens a regular file. It refuses everything else at once, also files that the kernel
// makes, as below /proc: reading some of them never ends.
func OpenRegular(path string) (*os.File, error) {
	f, _, err := open(path, false)
	return f, err
}

// ReadIfThere reads a regular file of any size. It returns nil for one that does not exist.
func ReadIfThere(path string) ([]byte, error) {
	f, err := OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func open(path string, pipe bool) (*os.File, fs.FileInfo, error) {
	// With O_NONBLOCK, opening a pipe does not wait. Regular files ignore it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && (!pipe || info.IsDir()) {
		err = CheckRegular(path, info)
	}
	if err == nil && info.Mode().IsRegular() && isPseudo(f) {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("is made by the kernel, not a regular file")}
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// CheckRegular gives an error that says what a file is if it is not a regular one.
func CheckRegular(path string, info fs.FileInfo) error {
	mode := info.Mode()
	if mode.IsRegular() {
		return nil
	}
	kind := "is not a regular file"
	switch {
	case mode.IsDir():
		kind = "is a directory, not a regular file"
	case mode&fs.ModeNamedPipe != 0:
		kind = "is a named pipe, not a regular file"
	case mode&fs.ModeDevice != 0:
		kind = "is a device, not a regular file"
	}
	return &fs.PathError{Op: "open", Path: path, Err: errors.New(kind)}
}

// fromShell reports whether a path names an open file of this process.
func fromShell(path string) bool {
	path = filepath.Clean(path)
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return path == "/dev/stdin"
}

// A stream is a pipe or a terminal that the shell opened.
type stream struct {
	*os.File
	ctx  context.Context
	stop func() bool
}

// Read reads until the context ends.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.File.Read(p)
	if err != nil && s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
	}
	return n, err
}

// WriteTo hides the one of os.File, which does not look at the context.
func (s *stream) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{s}) }

// Close closes the file.
func (s *stream) Close() error {
	s.stop()
	return s.File.Close()
}

// Decode removes a byte order mark from the beginning of a text, and refuses UTF-16 and
// UTF-32. It leaves line ends as they are.
func Decode(raw []byte) ([]byte, error) {
	if name := wide(raw); name != "" {
		return nil, fault.WithHint(fmt.Errorf("this is %s text", name), "save it as UTF-8")
	}
	return bytes.TrimPrefix(raw, mark), nil
}

// wide names the encoding of a text whose characters have two or four bytes, or gives "". A
// text without a byte order mark is known by the zero bytes of its first character.
func wide(raw []byte) string {
	for _, w := range []struct{ name, begin string }{
		{"UTF-32", "\xff\xfe\x00\x00"}, {"UTF-32", "\x00\x00\xfe\xff"}, {"UTF-16", "\xff\xfe"}, {"UTF-16", "\xfe\xff"},
	} {
		if bytes.HasPrefix(raw, []byte(w.begin)) {
			return w.name
		}
	}
	if len(raw) >= 4 {
		switch zero := [4]bool{raw[0] == 0, raw[1] == 0, raw[2] == 0, raw[3] == 0}; zero {
		case [4]bool{false, true, true, true}, [4]bool{true, true, true, false}:
			return "UTF-32"
		case [4]bool{false, true, false, true}, [4]bool{true, false, true, false}:
			return "UTF-16"
		}
	}
	return ""
}
