package glanceupload

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// statFiles finds the sizes of all files without reading them. Its error names everything
// that is wrong with any of them.
func (s *glanceUpload) statFiles(w runner.World) (map[string]imageFile, error) {
	files := map[string]imageFile{}
	var missing []string
	var errs []error
	for _, path := range s.sources() {
		file := imageFile{Path: path, world: w}
		fi, err := w.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, s.inputName(path))
		case err != nil:
			errs = append(errs, err)
		case !fi.Mode().IsRegular():
			errs = append(errs, fmt.Errorf("%s is not a regular file", path))
		case fi.Size() == 0:
			errs = append(errs, file.emptyError())
		default:
			file.Size = fi.Size()
		}
		files[path] = file
	}
	if len(missing) > 0 {
		errs = append(errs, s.missingError(missing))
	}
	return files, errors.Join(errs...)
}

// emptyError gives the error about a file without content. It may be a planned file whose
// content is not known yet; then the error of opening it says so.
func (f imageFile) emptyError() error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%s is empty", f.Path), r.Close())
}

func (s *glanceUpload) missingError(names []string) error {
	if s.from() == "" {
		return missingFiles(names)
	}
	hint := "from: must be the directory that the archives of images were unpacked into"
	if r, err := findImageRelease(s.Release); err == nil && s.OSImageName == "" && r.image == wholeDiskImage && names[0] == wholeDiskImage {
		hint += "; for partition images set os_image_name: overcloud-full.qcow2"
	}
	return fault.WithHint(fmt.Errorf("%s: %w", s.from(), missingFiles(names)), hint)
}

// missingFiles is the error about missing files. It is fs.ErrNotExist.
type missingFiles []string

func (missingFiles) Is(err error) bool { return err == fs.ErrNotExist }

func (names missingFiles) Error() string {
	last := len(names) - 1
	if last == 0 {
		return names[0] + " is not there"
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " are not there"
}

// converts reports whether an image is stored as the raw disk that it unpacks to.
func (s *glanceUpload) converts(img diskImage) bool { return s.Convert == "raw" && img.Disk == "qcow2" }

// storedFormat gives the format in which an image is stored.
func (s *glanceUpload) storedFormat(img diskImage) string {
	if s.converts(img) {
		return "raw"
	}
	return img.Disk
}

// storedName gives the file name of an image in a directory.
func (s *glanceUpload) storedName(img diskImage) string {
	name := filepath.Base(img.File)
	if !s.converts(img) {
		return name
	}
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".raw"
}
