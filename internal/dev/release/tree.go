package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A file is a file of a release, or a directory if its mode says so.
type file struct {
	name string // with slashes, relative
	mode fs.FileMode
	data []byte
	uid  int // of its user and group
}

// A tree is files in any order.
type tree []file

// add adds a file that everybody may read.
func (t *tree) add(name string, data []byte) {
	*t = append(*t, file{name: name, mode: 0o644, data: data})
}

// below returns the same files in a directory.
func (t tree) below(dir string) tree {
	var moved tree
	for _, f := range t {
		f.name = path.Join(dir, f.name)
		moved = append(moved, f)
	}
	return moved
}

// under returns the files of a directory, named from there.
func (t tree) under(dir string) tree {
	var found tree
	for _, f := range t {
		if rest, ok := strings.CutPrefix(f.name, dir+"/"); ok {
			f.name = rest
			found = append(found, f)
		}
	}
	return found
}

// text returns the content of a file, which must be there and not be empty.
func (t tree) text(name string) ([]byte, error) {
	for _, f := range t {
		if f.name == name && len(f.data) > 0 {
			return f.data, nil
		}
	}
	return nil, fmt.Errorf("%s is missing or empty", name)
}

// sorted returns the tree with the directories that it lacks, each before its files.
func (t tree) sorted() tree {
	all := slices.Clone(t)
	known := map[string]bool{".": true}
	for _, f := range t {
		known[f.name] = true
	}
	for _, f := range t {
		for dir := path.Dir(f.name); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			all = append(all, file{name: dir, mode: fs.ModeDir | 0o755})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return all
}

// tar returns the tree as a tar archive. All files have the same time and belong to root,
// unless they say otherwise.
func (t tree) tar(mtime time.Time) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range t.sorted() {
		h := &tar.Header{
			Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)),
			Mode: tarMode(f.mode), ModTime: mtime, Uid: f.uid, Gid: f.uid,
		}
		if f.mode.IsDir() {
			h.Typeflag, h.Name = tar.TypeDir, f.name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// tarMode returns the bits of a mode as tar has them.
func tarMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	if m&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	return mode
}

// gzipped compresses data. The result names neither a file nor a time.
func gzipped(data []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
