package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"io"
)

// Skim lists an archive without reading all of it. For a plain archive it
// returns all entries, for a compressed one the entries up to the first file.
// The result all reports whether there are no others. The entries have no
// digests, and the rest of the archive is not checked.
func Skim(ctx context.Context, r io.ReadSeeker, o Options) (entries []Entry, all bool, err error) {
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, false, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, false, err
	}
	o.SHA256 = ""
	if kind, _ := kindOf(head[:n]); kind != "tar" {
		entries, err := firstFile(ctx, r, o)
		return entries, false, err
	}
	entries, err = readHeaders(ctx, r, o)
	return entries, err == nil, err
}

// firstFile returns the entries up to the first file.
func firstFile(ctx context.Context, r io.Reader, o Options) ([]Entry, error) {
	s, err := newStream(ctx, bufio.NewReader(r), o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var entries []Entry
	for {
		e, err := s.next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if entries = append(entries, e); !e.IsDir() {
			return entries, nil
		}
	}
}

// readHeaders reads the headers of a plain archive and skips the content.
func readHeaders(ctx context.Context, r io.ReadSeeker, o Options) ([]Entry, error) {
	p, t := newPolicy(o.Limits.orDefault()), tar.NewReader(r)
	var entries []Entry
	for {
		h, err := t.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, readError("tar", err)
		}
		e, ok, err := p.check(h)
		if err != nil {
			return nil, err
		}
		if ok {
			entries = append(entries, e)
		}
	}
}
