package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/hostdisk"
)

// Planned returns base as it would be with files in it. A later file replaces an
// earlier one at the same path. The directories above a file exist.
func Planned(base World, files ...File) World {
	wrapped := make([]*plannedFile, len(files))
	for i, f := range files {
		wrapped[i] = newPlannedFile(f)
	}
	return plannedWorld(base, wrapped)
}

func plannedWorld(base World, files []*plannedFile) World {
	if len(files) == 0 {
		return base
	}
	p := planned{World: base, files: map[string]*plannedFile{}, dirs: map[string]bool{}}
	for _, f := range files {
		p.files[f.Path] = f
		for dir := filepath.Dir(f.Path); !p.dirs[dir] && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			p.dirs[dir] = true
		}
	}
	return p
}

// planned is a World with planned files over it. It is never changed.
type planned struct {
	World
	files map[string]*plannedFile
	dirs  map[string]bool // above a planned file
}

// A plannedFile is a planned file with the digests computed so far. All worlds that
// show the file share it.
type plannedFile struct {
	File
	step string          // the step whose Change leaves it behind; "" if not known
	sem  chan struct{}   // holds one token, which allows to use sums
	sums map[Algo]string // File.Sums and the computed ones
}

func newPlannedFile(f File) *plannedFile {
	f.Path = filepath.Clean(f.Path)
	p := &plannedFile{File: f, sem: make(chan struct{}, 1), sums: map[Algo]string{}}
	maps.Copy(p.sums, f.Sums)
	p.sem <- struct{}{}
	return p
}

func (p planned) Open(path string) (io.ReadCloser, error) {
	clean := filepath.Clean(path)
	if f := p.files[clean]; f != nil {
		return f.open()
	}
	if p.dirs[clean] {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	if p.belowFile(clean) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	return p.World.Open(path)
}

func (p planned) Stat(path string) (fs.FileInfo, error) {
	clean := filepath.Clean(path)
	if f := p.files[clean]; f != nil {
		return plannedInfo{filepath.Base(clean), f.Size, f.Mode}, nil
	}
	if p.dirs[clean] {
		if fi, err := p.World.Stat(path); err == nil && fi.IsDir() {
			return fi, nil
		}
		return plannedInfo{filepath.Base(clean), 0, fs.ModeDir | 0o755}, nil
	}
	if p.belowFile(clean) {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: syscall.ENOTDIR}
	}
	return p.World.Stat(path)
}

// ReadDir adds the planned names to those on disk.
func (p planned) ReadDir(path string) ([]string, error) {
	clean := filepath.Clean(path)
	f := p.files[clean]
	if f != nil && !f.Mode.IsDir() || p.belowFile(clean) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.ENOTDIR}
	}
	names, err := p.World.ReadDir(path)
	if err != nil && (f == nil && !p.dirs[clean] || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	for name := range p.files {
		if filepath.Dir(name) == clean {
			names = append(names, filepath.Base(name))
		}
	}
	for name := range p.dirs {
		if filepath.Dir(name) == clean {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (p planned) Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error) {
	clean := filepath.Clean(path)
	if f := p.files[clean]; f != nil {
		return f.sum(ctx, algos)
	}
	if p.dirs[clean] {
		return nil, &fs.PathError{Op: "hash", Path: path, Err: syscall.EISDIR}
	}
	return p.World.Sum(ctx, path, algos...)
}

// Recall recalls nothing of a planned file, which is not there yet.
func (p planned) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	if p.covers(path) {
		return nil, false
	}
	return p.World.Recall(path, algos...)
}

// Remember keeps nothing of a planned file.
func (p planned) Remember(path string, id FileID, sums map[Algo]string) {
	if !p.covers(path) {
		p.World.Remember(path, id, sums)
	}
}

// covers reports whether the file at path is planned, lies above a planned file or
// lies below one.
func (p planned) covers(path string) bool {
	clean := filepath.Clean(path)
	return p.files[clean] != nil || p.dirs[clean] || p.belowFile(clean)
}

// belowFile reports whether path lies below a planned file that is not a directory.
func (p planned) belowFile(path string) bool {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if f := p.files[dir]; f != nil && !f.Mode.IsDir() {
			return true
		}
	}
	return false
}

func (f *plannedFile) open() (io.ReadCloser, error) {
	switch {
	case f.Mode.IsDir():
		return nil, &fs.PathError{Op: "open", Path: f.Path, Err: syscall.EISDIR}
	case f.Open == nil:
		return nil, &fs.PathError{Op: "open", Path: f.Path, Err: &unwrittenError{f.Path, f.step}}
	}
	return f.Open()
}

// An unwrittenError is about a planned file whose content is not known yet, since it
// is still to be fetched.
type unwrittenError struct{ path, step string }

func (*unwrittenError) Error() string { return errNoContent.Error() }
func (*unwrittenError) Unwrap() error { return errNoContent }

var errNoContent = errors.New("its content is not known before it is written")

// sum returns the planned digests, and computes those that the step did not plan.
func (f *plannedFile) sum(ctx context.Context, algos []Algo) (map[Algo]string, error) {
	select {
	case <-f.sem:
		defer func() { f.sem <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	todo := hostdisk.Missing(f.sums, algos)
	if len(todo) == 0 {
		return hostdisk.Pick(f.sums, algos), nil
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	fresh, err := hostdisk.Hash(ctx, r, todo)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, &fs.PathError{Op: "hash", Path: f.Path, Err: err}
	}
	maps.Copy(f.sums, fresh)
	return hostdisk.Pick(f.sums, algos), nil
}

// plannedInfo describes a planned file or directory.
type plannedInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i plannedInfo) Name() string       { return i.name }
func (i plannedInfo) Size() int64        { return i.size }
func (i plannedInfo) Mode() fs.FileMode  { return i.mode }
func (i plannedInfo) ModTime() time.Time { return time.Time{} }
func (i plannedInfo) IsDir() bool        { return i.mode.IsDir() }
func (i plannedInfo) Sys() any           { return nil }
