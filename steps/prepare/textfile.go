package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A textFile is a small text file with the content that a step wants.
type textFile struct {
	path    string
	content []byte
	note    string // what is in it, in a few words
}

// maxOldText is the largest size of an old content that a diff shows.
const maxOldText = 1 << 20

// diff compares the file with the one in the world. It gives nil when they are equal.
func (f textFile) diff(w runner.World) (*runner.Item, error) {
	old, mode, err := f.read(w)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(f.path); err == nil {
			err := fmt.Errorf("write %s: it is a symbolic link that leads nowhere", f.path)
			return nil, fault.WithHint(err, "remove the link, or make the file that it leads to")
		}
		return &runner.Item{Op: runner.Create, What: runner.RegularFile, Name: f.path, Note: f.note, To: checksum.SHA256(f.content), New: string(f.content)}, f.checkDir(w)
	}
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", f.path, err)
	}
	if mode.IsDir() {
		return nil, fmt.Errorf("%s is a directory, and a file has to be written there", f.path)
	}
	if bytes.Equal(old, f.content) {
		return nil, nil
	}
	item := runner.Item{Op: runner.Update, What: runner.RegularFile, Name: f.path, Note: f.note, To: checksum.SHA256(f.content), New: string(f.content)}
	if len(old) <= maxOldText { // or else it may be only its beginning
		item.From, item.Old = checksum.SHA256(old), string(old)
	}
	return &item, f.checkDir(w)
}

// fills says what the files hold.
func fills(files []textFile) map[string]runner.Content {
	all := map[string]runner.Content{}
	for _, f := range files {
		all[f.path] = runner.Content{Digests: []string{checksum.SHA256(f.content)}, Size: int64(len(f.content))}
	}
	return all
}

// read reads the content of the file, up to the size that is worth comparing.
func (f textFile) read(w runner.World) ([]byte, fs.FileMode, error) {
	fi, err := w.Stat(f.path)
	if err != nil || fi.IsDir() {
		return nil, fs.ModeDir, err
	}
	if !fi.Mode().IsRegular() {
		return nil, 0, errors.New("not a regular file")
	}
	r, err := w.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	old, err := io.ReadAll(io.LimitReader(r, max(maxOldText, int64(len(f.content)))+1))
	return old, fi.Mode(), err
}

// checkDir gives an error in the diff when the file cannot be written into its
// directory.
func (f textFile) checkDir(w runner.World) error {
	dir := filepath.Dir(f.path)
	fi, err := w.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.WithHint(fmt.Errorf("write %s: the directory %s is not there", f.path, dir),
			"let a mkdir step make it, and name that step under needs")
	case err != nil:
		return fmt.Errorf("write %s: %w", f.path, err)
	case !fi.IsDir():
		return fmt.Errorf("write %s: %s is not a directory", f.path, dir)
	}
	if err := hostfiles.CheckWritable(dir); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// planned gives the file as a Change announces it.
func (f textFile) planned() runner.File {
	sum := sha256.Sum256(f.content)
	return runner.File{
		Path: f.path,
		Size: int64(len(f.content)),
		Mode: 0o644,
		Sums: map[runner.Algo]string{runner.SHA256: hex.EncodeToString(sum[:])},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.content)), nil },
	}
}

// write writes the file and keeps the permissions of an existing one. A symbolic link
// to a file stays, and that file is written.
func (f textFile) write(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, mode := f.path, fs.FileMode(0o644)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode().Perm()
	}
	return durable.WriteBytes(path, mode, f.content)
}

// verify compares the file with the wanted content.
func (f textFile) verify(w runner.World) error {
	old, mode, err := f.read(w)
	switch {
	case err != nil:
		return fmt.Errorf("verify %s: %w", f.path, err)
	case mode.IsDir():
		return fmt.Errorf("verify %s: it is a directory", f.path)
	case bytes.Equal(old, f.content):
		return nil
	}
	line, got, want := firstDifference(string(old), string(f.content))
	return fmt.Errorf("verify %s: it is not as wanted: line %d is %s, not %s", f.path, line, got, want)
}

// firstDifference gives the number of the first line that differs, counted from 1, and
// that line of both texts.
func firstDifference(got, want string) (line int, gotLine, wantLine string) {
	gots, wants := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	lineAt := func(lines []string, i int) string {
		if i >= len(lines) || lines[i] == "" {
			return "missing"
		}
		return fmt.Sprintf("%q", strings.TrimSuffix(lines[i], "\n"))
	}
	for line < len(gots) && line < len(wants) && gots[line] == wants[line] {
		line++
	}
	return line + 1, lineAt(gots, line), lineAt(wants, line)
}
