package manifests

import (
	"errors"
	"fmt"
	"slices"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout/filelayout"
)

// A File is a file of an artifact.
type File struct {
	Title  string // as its annotation says; it may hold anything
	Digest string // of its bytes
	Size   int64  // in bytes

	Manifest string // digest of the manifest that names it
	Platform string // of a disk image in an index, "" for none
	Disktype string // of a disk image in an index, "" for none
}

// Files gives the files of an artifact: the layers and the configuration that have the name
// of a file. A container image has none, which is an error.
func Files(m manifest.Manifest) ([]File, error) {
	if IsOldFormat(m) {
		return nil, noFiles()
	}
	config, layers, err := Parts(m, "fetched")
	if err != nil {
		return nil, err
	}
	var files []File
	for _, d := range slices.Concat([]descriptor.Descriptor{config}, layers) {
		title := d.Annotations[filelayout.TitleKey]
		if title == "" {
			continue
		}
		if IsForeign(d) {
			return nil, fmt.Errorf("its file %q is of type %q, which registries must not keep", title, d.MediaType)
		}
		if err := CheckBlob(d); err != nil {
			return nil, err
		}
		files = append(files, File{Title: title, Digest: d.Digest.String(), Size: d.Size, Manifest: Describe(m).Digest})
	}
	if len(files) == 0 {
		return nil, noFiles()
	}
	return files, nil
}

// noFiles is the error for an image none of whose layers is a file.
func noFiles() error {
	err := errors.New("none of its layers has the name of a file, as it is with a container image")
	return fault.WithHint(err, "mirror copies container images; files are put there by a step of type artifact, or by oras push")
}

// About adds to the files of a manifest what an index says about it.
func About(files []File, d descriptor.Descriptor) []File {
	for i := range files {
		files[i].Disktype = d.Annotations["disktype"]
		if d.Platform != nil {
			files[i].Platform = platformOf(d).String()
		}
	}
	return files
}
