package glanceupload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/runner"
)

// An imageFile is an image file as it is, or as an earlier step would leave it.
type imageFile struct {
	Path string
	Size int64
}

// statFiles looks at all files, and reads none. Whatever is wrong with any of
// them is told at once, before anything is touched.
func (s *glanceUpload) statFiles(w runner.World) (map[string]imageFile, error) {
	files := map[string]imageFile{}
	var missing []string
	var errs []error
	for _, path := range s.sources() {
		m := imageFile{Path: path}
		fi, err := w.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, s.inputName(path))
		case err != nil:
			errs = append(errs, err)
		case !fi.Mode().IsRegular():
			errs = append(errs, fmt.Errorf("%s is not a regular file", path))
		case fi.Size() == 0:
			errs = append(errs, emptyFile(w, path))
		default:
			m.Size = fi.Size()
		}
		files[path] = m
	}
	if len(missing) > 0 {
		errs = append(errs, s.missingError(missing))
	}
	return files, errors.Join(errs...)
}

// emptyFile is about a file without content, which may be one of which nobody
// knows the content yet.
func emptyFile(w runner.World, path string) error {
	r, err := w.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%s is empty", path), r.Close())
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

// missingFiles is the error about files that are not there, which is fs.ErrNotExist.
type missingFiles []string

func (missingFiles) Is(err error) bool { return err == fs.ErrNotExist }

func (names missingFiles) Error() string {
	last := len(names) - 1
	if last == 0 {
		return names[0] + " is not there"
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " are not there"
}

// converts says whether an image is uploaded as the disk that it stands for.
func (s *glanceUpload) converts(img diskImage) bool { return s.Convert == "raw" && img.Disk == "qcow2" }

// storedFormat is what the image is where it is stored.
func (s *glanceUpload) storedFormat(img diskImage) string {
	if s.converts(img) {
		return "raw"
	}
	return img.Disk
}

// storedName is the file name of an image in a directory.
func (s *glanceUpload) storedName(img diskImage) string {
	name := filepath.Base(img.File)
	if !s.converts(img) {
		return name
	}
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".raw"
}

// virtualSize is the size of the disk that a qcow2 image stands for.
func virtualSize(w runner.World, m imageFile) (int64, error) {
	r, err := w.Open(m.Path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	size, err := diskimage.VirtualSize(r, m.Size)
	if err != nil {
		return 0, notUploaded(m.Path, err)
	}
	return size, nil
}

// checkImageFile refuses a file that must not be uploaded.
func checkImageFile(w runner.World, m imageFile, format string, convert bool) error {
	r, err := w.Open(m.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if convert {
		return notUploaded(m.Path, diskimage.CheckUnpacked(r, m.Size))
	}
	return notUploaded(m.Path, diskimage.Check(r, m.Size, format))
}

func notUploaded(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not uploaded: %w", path, err)
}

// openImage opens a file to be stored. What is stored is the file that was
// opened, so that is the one that is checked.
func openImage(m imageFile, format string, convert bool) (glance.File, error) {
	file, err := os.Open(m.Path)
	if err != nil {
		return nil, err
	}
	if convert {
		disk, err := diskimage.OpenQCOW2(file, m.Size)
		if err != nil {
			return nil, errors.Join(notUploaded(m.Path, err), file.Close())
		}
		return convertedFile{disk, file}, nil
	}
	if err := diskimage.Check(io.NewSectionReader(file, 0, m.Size), m.Size, format); err != nil {
		return nil, errors.Join(notUploaded(m.Path, err), file.Close())
	}
	return file, nil
}

// A convertedFile is a disk, and the file that it is read from.
type convertedFile struct {
	*diskimage.Disk
	file *os.File
}

func (c convertedFile) Close() error { return errors.Join(c.Disk.Close(), c.file.Close()) }

// rememberSHA512 gives a function that remembers a file's digest once it was read to its
// end, nil where there is no file on the disk.
func rememberSHA512(w runner.World, path string) func(sha512 string) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil
	}
	id := runner.Identify(fi)
	return func(sum string) {
		w.Remember(path, id, map[runner.Algo]string{runner.SHA512: sum})
	}
}
