// Package journal keeps a file of sealed lines. What is appended is lasting when Append returns,
// or leaves nothing. It does not know what the lines hold.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/durable"
)

// A File is the part of *os.File that a Journal uses. It is open for appending.
type File interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

// A Journal is a file of sealed lines that is open for appending. It is for use by one
// goroutine at a time.
type Journal struct {
	File  File
	Lines int // how many it holds

	size int64 // of the good part
	err  error // why it takes no more lines
}

// Open opens a journal, which need not be there, and cuts it to its first good bytes, as Read
// found them.
func Open(file string, good int64, lines int) (*Journal, error) {
	fi, err := os.Stat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	isNew := err != nil
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{File: f, Lines: lines, size: good}
	switch {
	case isNew:
		err = durable.SyncDir(filepath.Dir(file)) // so that a crash keeps its name
	case fi.Size() != good:
		err = j.cut(good)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// Append makes a line durable. If it fails, it leaves nothing of the line.
func (j *Journal) Append(body []byte) error {
	if j.err != nil {
		return j.err
	}
	line := append(durable.Seal(body), '\n')
	if _, err := j.File.Write(line); err != nil {
		return j.undoAppend(err)
	}
	if err := j.File.Sync(); err != nil {
		return j.undoAppend(err)
	}
	j.size += int64(len(line))
	j.Lines++
	return nil
}

// Broken says that the journal takes no more lines, because what a failed write left could not
// be cut off.
func (j *Journal) Broken() bool { return j.err != nil }

// Close closes the file.
func (j *Journal) Close() error { return j.File.Close() }

// undoAppend cuts off what a failed append may have left. If that fails, too, nothing
// more may be appended.
func (j *Journal) undoAppend(cause error) error {
	if err := j.cut(j.size); err != nil {
		j.err = fmt.Errorf("the journal takes no more lines after this error: %w", cause)
	}
	return cause
}

func (j *Journal) cut(size int64) error {
	if err := j.File.Truncate(size); err != nil {
		return err
	}
	return j.File.Sync()
}

// Clear empties the journal.
func (j *Journal) Clear() error {
	if err := j.cut(0); err != nil {
		j.err = fmt.Errorf("the journal takes no more lines after this error: %w", err)
		return err
	}
	j.size, j.Lines = 0, 0
	return nil
}

// Read gives each line of a journal's text to take, and returns how many bytes of it are good.
// It leaves out a last line without an end, since its process or machine died while writing
// it. Any other bad line is damage, and so is one that take refuses.
func Read(text []byte, take func(body []byte) error) (good int64, err error) {
	n := 0
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			break
		}
		n++
		body, err := durable.Unseal(line[:len(line)-1])
		if err == nil {
			err = take(body)
		}
		if err != nil {
			return 0, fmt.Errorf("line %d: %w", n, err)
		}
		good += int64(len(line))
	}
	return good, nil
}
