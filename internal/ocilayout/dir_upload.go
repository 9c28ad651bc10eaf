package ocilayout

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/durable"
)

func (s *dirStore) Create(want descriptor.Descriptor) (Upload, error) {
	dir := s.uploads
	if !s.owned() {
		if err := errors.Join(s.create(), s.share()); err != nil {
			return nil, err
		}
		dir = filepath.Join(s.dir, blobsDir, digest.Canonical.String())
	}
	if _, err := durable.MkdirAll(dir, layoutDirMode); err != nil {
		return nil, err
	}
	name := "upload"
	if want.Digest != "" && want.Digest.Validate() == nil {
		name = want.Digest.Encoded()
	}
	f, err := durable.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return &dirUpload{f, s}, nil
}

type dirUpload struct {
	*durable.File
	store *dirStore
}

func (u *dirUpload) Commit(d digest.Digest) error {
	defer u.Abort()
	path, err := u.store.blobPath(d)
	if err != nil {
		return err
	}
	if _, err := durable.MkdirAll(filepath.Dir(path), layoutDirMode); err != nil {
		return err
	}
	if u.store.isWhole(path, d) {
		return durable.SyncDir(filepath.Dir(path)) // it may have other names, too
	}
	return u.File.Commit(path, durable.Attributes{Mode: layoutMode})
}

// isWhole says whether a file is there with the bytes of its digest.
func (s *dirStore) isWhole(path string, d digest.Digest) bool {
	f, _, err := openRegular(path, s.owned())
	if err != nil {
		return false
	}
	defer f.Close()
	return copyBlob(io.Discard, d, f) == nil
}
