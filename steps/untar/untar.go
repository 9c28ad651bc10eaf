// Package untar is the step type untar, which unpacks a tar archive into a
// directory.
package untar

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// untar unpacks a tar archive into a directory. Files that are there already
// with the same content are left alone; the others get their names one by one
// when all of the archive was read and found good.
type untar struct {
	// Archive to unpack: tar, tar.gz, tar.zst, tar.xz or tar.bz2, told apart by what is in it. It may hold files and directories, no links and nothing else.
	Archive plan.Path `json:"archive"`
	// Directory to unpack into. It is made when its parent is there. Several archives may be unpacked into one.
	Into plan.Path `json:"into"`
	// Digest that the archive must have, 64 lower-case hex digits. With it an archive that was cut between two files is noticed too.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
	// Files that must come out of it, others may: a name, or {name: NAME, size: "1310720", sha256: DIGEST}. If one is missing or different, nothing is unpacked.
	Expect []plan.TextOr[string, untarFile] `json:"expect,omitempty"`
	// How much it may hold, to set for archives beyond the usual.
	Limits *untarLimits `json:"limits,omitempty"`

	applying bool
	known    []archive.Entry // files that are there as the record tells of them
	listed   *untarListing   // of the archive, once it was read
}

// Type gives the step type untar.
func Type() runner.Type {
	return runner.Type{
		Name: "untar",
		Outputs: []runner.Output{
			{Name: "files", Doc: "The files, absolute, in the order of the archive.", List: true},
			{Name: "sums", Doc: "The files with their digests as sha256sum writes and reads them: 64 hex digits, two spaces, the absolute path.", List: true},
			{Name: "dirs", Doc: "The directories that the archive lists, absolute.", List: true},
			{Name: "into", Doc: "The directory unpacked into, absolute."},
		},
		New: func() runner.Step { return &untar{} },
	}
}

// Paths implements runner.Pather.
func (u *untar) Paths() runner.Paths {
	return runner.Paths{Reads: []string{string(u.Archive)}, Into: []string{string(u.Into)}}
}

// BeforeApply implements runner.BeforeApplier: an archive that is going to be
// unpacked is not read before to know what is in it.
func (u *untar) BeforeApply() { u.applying = true }

// Inputs gives a digest of what the archive holds. Where that is not remembered the
// archive is read for it; before an apply, Apply reads it.
func (u *untar) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	digest, err := u.recall(w)
	if digest == "" && err == nil && !u.applying {
		var l *untarListing
		if l, err = u.list(ctx, w); err == nil {
			digest = l.digest
		}
	}
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: "archive", Digest: digest}}, nil
}

// Diff compares what the archive holds with what is there.
func (u *untar) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	digest, err := u.recall(w)
	if err != nil {
		return nil, err
	}
	if digest != "" && prior.Input("archive") == digest && !u.leftover() {
		// The same archive holds the same files: it need not be read again
		// to find that all of them are there.
		if entries := u.remembered(w, prior); entries != nil && u.checkExpected(entries) == nil {
			d := untarDiff{untar: u, world: w, entries: entries}
			err := d.compare(ctx)
			if err == nil && len(d.items) == 0 {
				return &runner.Finding{Outputs: u.outputs(entries)}, nil
			}
			u.known = d.same
		}
	}
	if u.applying && u.listed == nil {
		if f, err := u.peek(ctx, w); f != nil || err != nil {
			return f, err
		}
	}
	l, err := u.list(ctx, w)
	if err != nil {
		return nil, err
	}
	d := untarDiff{untar: u, world: w, entries: l.entries, full: true}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", u.Archive, err)
	}
	c := d.change(ctx)
	return &runner.Finding{Outputs: u.outputs(l.entries), Change: c, Notes: u.notes(c)}, nil
}

// notes tells of an archive that nothing vouches for, before it is unpacked.
func (u *untar) notes(c *runner.Change) []string {
	if c == nil || u.SHA256 != "" || len(u.Expect) > 0 {
		return nil
	}
	return []string{"nothing vouches for " + filepath.Base(string(u.Archive)) + ": give its sha256, or under expect what must come out of it"}
}

// leftover says whether a killed run left its unfinished files.
func (u *untar) leftover() bool {
	_, err := os.Lstat(u.stage())
	return err == nil
}

// into gives the directory as outputs name it.
func (u *untar) into() string { return filepath.Clean(string(u.Into)) }

func (u *untar) stage() string {
	return filepath.Join(string(u.Into), archive.StageName(string(u.Archive)))
}

func (u *untar) path(e archive.Entry) string {
	return filepath.Join(string(u.Into), filepath.FromSlash(e.Name))
}

func (u *untar) outputs(entries []archive.Entry) runner.Outputs {
	var files, sums, dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, u.path(e))
			continue
		}
		files = append(files, u.path(e))
		sums = append(sums, e.SHA256+"  "+u.path(e))
	}
	return runner.Outputs{
		"files": plan.List(files...),
		"sums":  plan.List(sums...),
		"dirs":  plan.List(dirs...),
		"into":  plan.Text(u.into()),
	}
}

// remembered gives the entries that a record tells of, with the sizes that the
// files have now. A record of another directory, or one that makes no sense,
// gives nil: what was unpacked below this directory once says nothing about
// this directory.
func (u *untar) remembered(w runner.World, prior *runner.Record) []archive.Entry {
	if prior.Outputs["into"].String() != u.into() {
		return nil
	}
	var entries []archive.Entry
	add := func(path string, e archive.Entry) bool {
		name, err := filepath.Rel(string(u.Into), path)
		if err != nil || !filepath.IsLocal(name) {
			return false
		}
		e.Name, e.Size = filepath.ToSlash(name), -1
		if fi, err := w.Stat(path); err == nil {
			e.Size = fi.Size()
		}
		entries = append(entries, e)
		return true
	}
	for _, line := range prior.Outputs["sums"].Items() {
		sum, path, ok := strings.Cut(line, "  ")
		if !ok || !add(path, archive.Entry{SHA256: sum}) {
			return nil
		}
	}
	for _, path := range prior.Outputs["dirs"].Items() {
		if !add(path, archive.Entry{Mode: fs.ModeDir | 0o755}) {
			return nil
		}
	}
	return entries
}
