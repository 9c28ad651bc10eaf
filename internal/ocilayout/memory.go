package ocilayout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// Contents are the manifests and blobs of a layout that lies in no directory: its small
// parts are in memory, and its large ones are files that keep their names.
type Contents struct {
	Index *layoutindex.Index
	Texts map[digest.Digest][]byte
	Files map[digest.Digest]string // path
}

// OfContents gives a layout that is only read. The path stands for it in messages.
func OfContents(path string, c Contents) *Layout {
	return &Layout{path: path, store: &memoryStore{Contents: c, path: path}}
}

type memoryStore struct {
	Contents
	path string
}

func (s *memoryStore) check() error { return nil }

func (s *memoryStore) Index() (*layoutindex.Index, error) { return s.Contents.Index, nil }

func (s *memoryStore) Open(d digest.Digest) (Blob, error) {
	if text, ok := s.Texts[d]; ok {
		return textBlob{bytes.NewReader(text)}, nil
	}
	path, ok := s.Files[d]
	if !ok {
		return nil, fmt.Errorf("%s: blob %s: %w", s.path, d, fs.ErrNotExist)
	}
	f, fi, err := openRegular(path, false)
	if err != nil {
		return nil, err
	}
	return fileBlob{f, fi.Size()}, nil
}

type textBlob struct{ *bytes.Reader }

func (textBlob) Close() error { return nil }

// A fileBlob is a file that may change under its name, so that no layout may take it over
// as it takes over a blob of another one.
type fileBlob struct {
	*os.File
	size int64
}

// Size is the size of the file when it was opened.
func (b fileBlob) Size() int64 { return b.size }

func (s *memoryStore) Blobs() (map[digest.Digest]int64, error) {
	all := map[digest.Digest]int64{}
	for d, text := range s.Texts {
		all[d] = int64(len(text))
	}
	for d, path := range s.Files {
		fi, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		all[d] = fi.Size()
	}
	return all, nil
}

func (s *memoryStore) readOnly() error { return fmt.Errorf("%s: %w", s.path, errors.ErrUnsupported) }

func (s *memoryStore) Change(func(*layoutindex.Index) error) error  { return s.readOnly() }
func (s *memoryStore) Create(descriptor.Descriptor) (Upload, error) { return nil, s.readOnly() }
func (s *memoryStore) Link(digest.Digest, Blob) error               { return s.readOnly() }
func (s *memoryStore) Remove(digest.Digest) error                   { return s.readOnly() }
func (s *memoryStore) Begin(context.Context) error                  { return nil }
func (s *memoryStore) Commit() error                                { return nil }
func (s *memoryStore) deleteUnreferenced(map[digest.Digest]bool) error {
	return s.readOnly()
}
func (s *memoryStore) OverheadBytes() int64 { return 0 }
