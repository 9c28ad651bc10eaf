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

// backupPath gives the path that a file gets when another file takes its own.
func backupPath(path string, modified time.Time) string {
	ext := filepath.Ext(path)
	// Python writes a time in this way: with microseconds unless they are 0.
	stamp := modified.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000")
	return glance.Backup(glance.Image{Name: strings.TrimSuffix(path, ext), CreatedAt: strings.TrimSuffix(stamp, ".000000")}) + ext
}

// unrecordedPath gives a path for a backup that is not counted as an older image.
func unrecordedPath(backup string) string {
	ext := filepath.Ext(backup)
	return strings.TrimSuffix(backup, ext) + "-unrecorded" + ext
}

// An olderFile is a file that had an image's name before.
type olderFile struct {
	path     string
	modified time.Time
}

// planBackups finds the older files that must be removed so that keep of them stay. A
// file that differs from what the last run recorded may be damaged. It must not displace
// a good one, so it stays and is not counted.
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
	// After a run that was stopped the file already has its backup name.
	if !slices.ContainsFunc(older, func(o olderFile) bool { return o.path == f.backup }) {
		older = append(older, olderFile{f.backup, fi.ModTime()})
	}
	f.drop = allButNewest(older, keep)
	return nil
}

// isAsRecorded reports whether the present file is the one that the step's last success
// left. A file that cannot be read is not.
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

// olderFiles finds the files that had the name before. Only those count whose path is the
// backup path for their own modification time.
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

// allButNewest gives the paths of all files except the newest, oldest first.
func allButNewest(older []olderFile, keep int) []string {
	slices.SortStableFunc(older, func(a, b olderFile) int { return a.modified.Compare(b.modified) })
	var paths []string
	for _, o := range older[:max(0, len(older)-keep)] {
		paths = append(paths, o.path)
	}
	return paths
}
