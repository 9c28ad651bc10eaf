package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"io"
)

// Skim looks into an archive without reading it through: of a plain one it
// gives all entries, of a compressed one those up to its first file. They have
// no digests, and nothing is known of what stands behind them. all says
// whether there are no others.
func Skim(ctx context.Context, r io.ReadSeeker, o Options) (entries []Entry, all bool, err error) {
	head := make([]byte, sniffed)
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
	entries, err = headers(ctx, r, o)
	return entries, err == nil, err
}

// firstFile gives the entries up to the first file.
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

// headers reads the headers of a plain archive and leaps over the rest.
func headers(ctx context.Context, r io.ReadSeeker, o Options) ([]Entry, error) {
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
			return nil, broken("tar", err)
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
