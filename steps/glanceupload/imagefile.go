package glanceupload

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// An imageFile is an image file as its world shows it: as it is, or as an earlier
// step would leave it.
type imageFile struct {
	Path  string
	Size  int64
	world runner.World
}

// Stat gives what the world says of the file.
func (f imageFile) Stat() (fs.FileInfo, error) { return f.world.Stat(f.Path) }

// Open opens the file as the world shows it.
func (f imageFile) Open() (io.ReadCloser, error) { return f.world.Open(f.Path) }

// Sum gives the digest of the file by any algorithm that a cloud may use.
func (f imageFile) Sum(ctx context.Context, algo string) (string, error) {
	return hostfiles.Digest(ctx, f.world, f.Path, algo)
}

// SHA512 gives the SHA-512 of the file.
func (f imageFile) SHA512(ctx context.Context) (string, error) {
	return hostfiles.SHA512(ctx, f.world, f.Path)
}

// RecallSHA512 gives the SHA-512 if it is known without reading the file, or else "".
func (f imageFile) RecallSHA512() string {
	sums, _ := f.world.Recall(f.Path, runner.SHA512)
	return sums[runner.SHA512]
}

// SHA512Rememberer gives a function that keeps the SHA-512 of the file as it is now,
// for a caller that computes it while it reads the file to its end. It is nil when no
// such file is on the disk.
func (f imageFile) SHA512Rememberer() func(sha512 string) {
	fi, err := os.Stat(f.Path)
	if err != nil {
		return nil
	}
	id := runner.Identify(fi)
	return func(sum string) {
		f.world.Remember(f.Path, id, map[runner.Algo]string{runner.SHA512: sum})
	}
}

// VirtualSize gives the size of the disk that a qcow2 image unpacks to.
func (f imageFile) VirtualSize() (int64, error) {
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	size, err := diskimage.VirtualSize(r, f.Size)
	return size, notUploaded(f.Path, err)
}

// UnpackedSHA512 gives the SHA-512 of the disk that a qcow2 image unpacks to.
func (f imageFile) UnpackedSHA512(ctx context.Context) (string, error) {
	file, err := f.OpenContent("qcow2", true)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha512.New()
	disk := io.NewSectionReader(file, 0, file.(convertedFile).Size())
	if _, err := io.CopyBuffer(sum, readers.WithContext(ctx, disk), make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Check refuses a file that must not be uploaded.
func (f imageFile) Check(format string, convert bool) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if convert {
		return notUploaded(f.Path, diskimage.CheckUnpacked(r, f.Size))
	}
	return notUploaded(f.Path, diskimage.Check(r, f.Size, format))
}

// OpenContent opens what is to be stored. It reads the disk and checks the file that
// it has opened, since that file is the one that is stored.
func (f imageFile) OpenContent(format string, convert bool) (glance.File, error) {
	file, err := textfile.OpenRegular(f.Path)
	if err != nil {
		return nil, err
	}
	if convert {
		disk, err := diskimage.OpenQCOW2(file, f.Size)
		if err != nil {
			return nil, errors.Join(notUploaded(f.Path, err), file.Close())
		}
		return convertedFile{disk, file}, nil
	}
	if err := diskimage.Check(io.NewSectionReader(file, 0, f.Size), f.Size, format); err != nil {
		return nil, errors.Join(notUploaded(f.Path, err), file.Close())
	}
	return file, nil
}

func notUploaded(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not uploaded: %w", path, err)
}

// A convertedFile is a disk, and the file that it is read from.
type convertedFile struct {
	*diskimage.Disk
	file *os.File
}

// Close closes both.
func (c convertedFile) Close() error { return errors.Join(c.Disk.Close(), c.file.Close()) }
