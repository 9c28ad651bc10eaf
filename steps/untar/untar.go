// Package untar is the step type untar, which unpacks a tar archive into a
// directory.
package untar

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// untar unpacks a tar archive into a directory. Files that are there already
// with the same content are left alone; the others get their names one by one
// when all of the archive was read and found good.
type untar struct {
	// Archive to unpack: tar, tar.gz, tar.zst, tar.xz or tar.bz2, told apart by what is in it. It
	// may hold files and directories, no links and nothing else.
	Archive plan.Path `json:"archive"`
	// Directory to unpack into. It is made when its parent is there. Several archives may be
	// unpacked into one.
	Into plan.Path `json:"into"`
	// Digest that the archive must have, 64 lower-case hex digits. With it an archive that was cut
	// between two files is noticed too.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
	// Files that must come out of it, others may: a name, or {name: NAME, size: "1310720", sha256:
	// DIGEST}. If one is missing or different, nothing is unpacked.
	Expect []plan.TextOr[string, expectedFile] `json:"expect,omitempty"`
	// How much it may hold, to set for archives beyond the usual.
	Limits *limits `json:"limits,omitempty"`

	applying  bool
	unchanged []archive.Entry // files of the record that are unchanged on the disk
	listed    *listing        // what is in the archive, when it has been read
	trusted   bool            // an earlier step of the run has checked the archive
}

// Type gives the step type untar.
func Type() runner.Type {
	return runner.Type{
		Name: "untar",
		Outputs: []runner.Output{
			{Name: "files", Doc: "The files, absolute, in the order of the archive.", List: true, Made: true, Local: true},
			{Name: "sums", Doc: "The files with their digests as sha256sum writes and reads them: 64 hex digits, two spaces, the absolute path.", List: true, Local: true},
			{Name: "dirs", Doc: "The directories that the archive lists, absolute.", List: true, Local: true},
			{Name: "into", Doc: "The directory unpacked into, absolute.", Local: true},
		},
		New: func() runner.Step { return &untar{} },
	}
}

// Paths implements runner.Pather.
func (u *untar) Paths() runner.Paths {
	return runner.Paths{Reads: []string{string(u.Archive)}, Into: []string{string(u.Into)}}
}

// BeforeApply implements runner.BeforeApplier. Before an apply the archive is not
// read to list it, since Apply reads it anyway.
func (u *untar) BeforeApply() { u.applying = true }

// Inputs gives a digest of the entries of the archive. When it is not remembered, the
// archive is read for it. Before an apply the digest stays empty, and Apply finds it.
func (u *untar) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	digest, err := u.recall(w)
	if digest == "" && err == nil && !u.applying {
		var l *listing
		if l, err = u.readArchive(ctx, w); err == nil {
			digest = l.digest
		}
	}
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: "archive", Digest: digest}}, nil
}

// Diff compares the entries of the archive with the files on the disk.
func (u *untar) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	digest, err := u.recall(w)
	if err != nil {
		return nil, err
	}
	var known map[string]runner.Content
	if digest != "" && prior.Input("archive") == digest && !u.leftover() {
		// The archive is the recorded one, so it has the recorded files. It is not
		// read again to see that all of them are there.
		if entries := u.recordedEntries(w, prior); entries != nil && u.checkExpected(entries) == nil {
			d := diff{untar: u, world: w, entries: entries}
			known = u.fills(entries)
			for place, c := range known { // the sizes are those on the disk
				known[place] = runner.Content{Digests: c.Digests}
			}
			err := d.compare(ctx)
			if err == nil && len(d.items) == 0 {
				return &runner.Finding{Outputs: u.outputs(entries), Fills: known, Notes: d.closedNotes(), Vouched: u.vouched()}, nil
			}
			u.unchanged = d.same
		}
	}
	if u.applying && u.listed == nil {
		if f, err := u.peek(ctx, w); f != nil || err != nil {
			if f != nil {
				maps.Copy(f.Fills, known) // the beginning of the archive shows no digests
			}
			return f, err
		}
	}
	l, err := u.readArchive(ctx, w)
	if err != nil {
		return nil, err
	}
	d := diff{untar: u, world: w, entries: l.entries, full: true}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", u.Archive, err)
	}
	return d.finding(ctx, u.outputs(l.entries)), nil
}

// finding gives what was found. Once the archive has been read to its end, all of its digests are
// known.
func (d *diff) finding(ctx context.Context, outputs runner.Outputs) *runner.Finding {
	c := d.change(ctx)
	f := &runner.Finding{Outputs: outputs, Fills: d.fills(d.entries), Change: c, Notes: append(d.untar.notes(c), d.closedNotes()...), Vouched: d.vouched()}
	if c != nil {
		c.Apply = func(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
			outputs, err := d.apply(ctx, p)
			if err == nil {
				f.Fills = d.fills(d.listed.entries)
			}
			return outputs, err
		}
	}
	return f
}

// fills says what the files are, as far as it is known.
func (u *untar) fills(entries []archive.Entry) map[string]runner.Content {
	fills := map[string]runner.Content{}
	for _, e := range entries {
		if !e.IsDir() {
			c := runner.Content{Size: max(e.Size, 0)}
			for _, digest := range []string{checksum.Text("sha256", e.SHA256), checksum.Text("sha512", e.SHA512)} {
				if digest != "" {
					c.Digests = append(c.Digests, digest)
				}
			}
			fills[filepath.Join(u.into(), filepath.FromSlash(e.Name))] = c
		}
	}
	return fills
}

// Trust implements runner.Truster.
func (u *untar) Trust(vouched []string) {
	archive := filepath.Clean(string(u.Archive))
	for _, path := range vouched {
		if below, err := filepath.Rel(path, archive); err == nil && filepath.IsLocal(below) {
			u.trusted = true
		}
	}
}

// vouched gives the directory if the digest of the archive is known, or an earlier step
// has checked the archive.
func (u *untar) vouched() []string {
	if u.SHA256 == "" && !u.trusted {
		return nil
	}
	return []string{filepath.Clean(string(u.Into))}
}

// notes reports an archive that is going to be unpacked, when the plan has neither
// its digest nor expected files and no earlier step of this run has checked it.
func (u *untar) notes(c *runner.Change) []string {
	if c == nil || u.SHA256 != "" || u.trusted || len(u.Expect) > 0 {
		return nil
	}
	return []string{"nothing vouches for " + filepath.Base(string(u.Archive)) + ": give its sha256, or under expect what must come out of it"}
}

// leftover reports whether a killed run has left unfinished files.
func (u *untar) leftover() bool {
	_, err := os.Lstat(u.stagePath())
	return err == nil
}

// into gives the directory as the outputs have it.
func (u *untar) into() string { return filepath.Clean(string(u.Into)) }

func (u *untar) stagePath() string {
	return filepath.Join(string(u.Into), archive.StageName(string(u.Archive)))
}

func (u *untar) target(e archive.Entry) string {
	return filepath.Join(string(u.Into), filepath.FromSlash(e.Name))
}

func (u *untar) outputs(entries []archive.Entry) runner.Outputs {
	var files, sums, dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, u.target(e))
			continue
		}
		files = append(files, u.target(e))
		sums = append(sums, e.SHA256+"  "+u.target(e))
	}
	return runner.Outputs{
		"files": plan.List(files...),
		"sums":  plan.List(sums...),
		"dirs":  plan.List(dirs...),
		"into":  plan.Text(u.into()),
	}
}

// recordedEntries gives the entries that a record has, with the sizes that the files
// have now. It gives nil for a malformed record and for a record of another
// directory: files that were unpacked below this directory do not count for it.
func (u *untar) recordedEntries(w runner.World, prior *runner.Record) []archive.Entry {
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
