package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/pieces"
)

func (s *tarStore) Begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		if _, err := s.proven(ctx); err != nil {
			return err
		}
	}
	s.users++
	return nil
}

func (s *tarStore) Blobs() (map[digest.Digest]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.disk()
	if err != nil {
		return nil, err
	}
	held := map[digest.Digest]int64{}
	for sum, at := range d.blobs {
		held[sum] = at.size
	}
	return held, nil
}

// deleteUnreferenced writes the archive anew with what is needed, unless it
// holds nothing else.
func (s *tarStore) deleteUnreferenced(needed map[digest.Digest]bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil {
		return fmt.Errorf("%s: another step is writing it", s.path)
	}
	d, err := s.begun()
	if err == nil && d == nil {
		s.lastSeen = nil
		d, err = s.disk()
	}
	if err != nil || d.main == nil {
		return err
	}
	if err := checkMarked(d.index, needed, s.path); err != nil {
		return err
	}
	kept, size := map[digest.Digest]span{}, int64(0)
	for sum, at := range d.blobs {
		if needed[sum] {
			kept[sum] = at
			size += at.following - at.header
		}
	}
	if len(kept) == len(d.blobs) {
		return nil
	}
	if free, known := durable.FreeSpace(s.path); known && free < size {
		err := fmt.Errorf("%s: %d bytes are free, and to write it anew takes %d", s.path, free, size)
		return fault.WithHint(err, "make room: the old archive goes only when the new one is complete")
	}
	return s.rewrite(&tarDisk{main: d.main, index: d.index, blobs: kept})
}

// rewrite replaces the archive.
func (s *tarStore) rewrite(d *tarDisk) error {
	w := s.newWriter(true)
	if err := w.lockReplaced(s.path, d.main); err != nil {
		return errors.Join(err, w.close())
	}
	err := pieces.Remove(s.partPath())
	if err == nil {
		err = w.stage(s.path, d)
	}
	if err == nil {
		err = w.publish(s.path)
	}
	s.lastSeen, s.known = nil, nil
	if err != nil {
		_ = pieces.Remove(s.partPath()) // the first error is the one to report
		err = fmt.Errorf("write %s: %w", s.path, err)
	}
	return errors.Join(err, w.close())
}

// takeOver copies the missing blobs of another archive, within the file system
// where it can.
func (w *tarWriter) takeOver(blobs map[digest.Digest]span) error {
	var taken []digest.Digest
	for _, d := range slices.Sorted(maps.Keys(blobs)) {
		if _, have := w.blobs[d]; have {
			continue
		}
		s, err := w.copyFrom(d, blobs[d])
		if err != nil {
			return err
		}
		w.blobs[d], taken = s, append(taken, d)
	}
	if len(taken) == 0 {
		return nil
	}
	if err := w.f.Sync(); err != nil { // before the entries get their names
		return err
	}
	for _, d := range taken {
		if err := w.nameEntry(w.blobs[d], blobEntry(d)); err != nil {
			return err
		}
	}
	return nil
}

func (w *tarWriter) copyFrom(d digest.Digest, from span) (span, error) {
	s, err := w.reserve(blobEntry(d), from.size)
	if err != nil {
		return s, err
	}
	if n, err := pieces.Copy(w.f, s.at, from.f, from.at, from.size); err != nil {
		return s, fmt.Errorf("copying %s: after %d of %d bytes: %w", d, n, from.size, err)
	}
	return s, nil
}
