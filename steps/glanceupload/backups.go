package glanceupload

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/runner"
)

// backupPath is the name that a file gets when another takes its own.
func backupPath(path string, modified time.Time) string {
	ext := filepath.Ext(path)
	// As Python writes a time: with microseconds where there are some.
	stamp := modified.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000")
	return glance.Backup(glance.Image{Name: strings.TrimSuffix(path, ext), CreatedAt: strings.TrimSuffix(stamp, ".000000")}) + ext
}

// unrecordedPath is a backup's name that counts as no older image.
func unrecordedPath(backup string) string {
	ext := filepath.Ext(backup)
	return strings.TrimSuffix(backup, ext) + "-unrecorded" + ext
}

// An olderFile is a file that had an image's name before.
type olderFile struct {
	path     string
	modified time.Time
}

// planBackups finds out which older files go so that keep of them stay. What the
// last run did not leave as it is may be damaged: it must not push out a good
// one, so it stays besides them.
func (f *directoryImage) planBackups(ctx context.Context, prior *runner.Record, keep int) error {
	older, err := f.olderFiles()
	if err != nil {
		return err
	}
	f.surplus = allButNewest(older, keep)
	f.drop = f.surplus
	if f.backup == "" {
		return nil
	}
	good, err := f.isAsRecorded(ctx, prior)
	if err != nil {
		return err
	}
	if keep > 0 && !good {
		f.backup = unrecordedPath(f.backup)
		f.note = "its content differs, also from what the last run recorded; it becomes " + filepath.Base(f.backup) + ", which keep does not count"
		return nil
	}
	fi, err := f.to.Stat()
	if err != nil {
		return err
	}
	// It has its other name already where a run was stopped.
	if !slices.ContainsFunc(older, func(o olderFile) bool { return o.path == f.backup }) {
		older = append(older, olderFile{f.backup, fi.ModTime()})
	}
	f.drop = allButNewest(older, keep)
	return nil
}

// isAsRecorded says whether the file that is there is what the step's last
// success left. One that cannot be read is not.
func (f *directoryImage) isAsRecorded(ctx context.Context, prior *runner.Record) (bool, error) {
	want := f.recorded(prior)
	if want == "" {
		return false, nil
	}
	have, err := f.to.SHA512(ctx)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return have == want, err
}

// olderFiles are the files that had the name before: those that are called so by
// their own time, and no others.
func (f *directoryImage) olderFiles() ([]olderFile, error) {
	ext := filepath.Ext(f.to.Path)
	entries, err := os.ReadDir(filepath.Dir(f.to.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []olderFile
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), strings.TrimSuffix(filepath.Base(f.to.Path), ext)+"_") || !strings.HasSuffix(e.Name(), ext) {
			continue
		}
		fi, err := e.Info()
		path := filepath.Join(filepath.Dir(f.to.Path), e.Name())
		if err == nil && fi.Mode().IsRegular() && path == backupPath(f.to.Path, fi.ModTime()) {
			found = append(found, olderFile{path, fi.ModTime()})
		}
	}
	return found, nil
}

// allButNewest gives all but the newest ones, the oldest first.
func allButNewest(older []olderFile, keep int) []string {
	slices.SortStableFunc(older, func(a, b olderFile) int { return a.modified.Compare(b.modified) })
	var paths []string
	for _, o := range older[:max(0, len(older)-keep)] {
		paths = append(paths, o.path)
	}
	return paths
}
