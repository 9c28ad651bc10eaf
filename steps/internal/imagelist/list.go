// Package imagelist holds what steps do with lists of images: which images a list
// names, what the target of each is, and what a registry lacks of them or has besides.
// The format of lists is in internal/tripleo, and requests to registries are in
// internal/registry.
package imagelist

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// An Entry is an image of a list, with its place in the list in words.
type Entry struct {
	tripleo.ListedImage
	Place string
	Key   string // the file of the public key that has to prove the layout; "" for none
}

// readFile gives the images of a list in a file.
func readFile(w runner.World, path string) ([]Entry, error) {
	listed, err := tripleo.ReadImages(w.Open, path)
	err = fault.Each(err, func(err error) error {
		err = fmt.Errorf("list of images %w", err)
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.WithHint(err, "a prepare step writes it; needs: or a reference to its images_file puts that before this step")
		}
		return err
	})
	all := make([]Entry, len(listed))
	for i, l := range listed {
		l.Name = w.Meaning(l.Name)
		all[i] = Entry{ListedImage: l, Place: fmt.Sprintf("list of images %s", l.Place)}
	}
	return all, err
}

// A listError is what is wrong with an image of a list.
type listError struct {
	Entry
	err error
}

func (e *listError) Error() string { return e.Entry.Place + ": " + e.err.Error() }
func (e *listError) Unwrap() error { return e.err }

// Location says where the image is, if it is in a file.
func (e *listError) Location() fault.Location {
	at := e.ListedImage.Place
	return fault.Location{File: at.File, Line: at.Line, Col: at.Col, Msg: e.err.Error()}
}

// Targets calls target for each image of a list and gives the images, each once. An
// image that is there by its tag, and by the same tag with a digest, is the one with the
// digest. It reports all errors, each with the image's place in the list.
func Targets(listed []Entry, target func(Entry) (string, error)) ([]registry.Image, error) {
	var images []registry.Image
	var errs []error
	seen := map[registry.Image]bool{}
	withDigest := map[registry.Image]bool{} // by the source without its digest
	for _, l := range listed {
		to, err := target(l)
		if err != nil {
			errs = append(errs, &listError{l, err})
			continue
		}
		tagged, digest, _ := strings.Cut(l.Name, "@")
		if im := (registry.Image{Source: l.Name, Target: to, Digest: digest}); !seen[im] {
			seen[im] = true
			images = append(images, im)
		}
		if digest != "" {
			withDigest[registry.Image{Source: tagged, Target: to}] = true
		}
	}
	images = slices.DeleteFunc(images, func(im registry.Image) bool { return im.Digest == "" && withDigest[im] })
	return images, few(errs)
}

// most is how many mistakes in the images of a step are told.
const most = 50

// few joins the first errors, and says how many there are besides.
func few(errs []error) error {
	if more := len(errs) - most; more > 0 {
		errs = append(errs[:most], fmt.Errorf("%s in lists of images", human.Count(more, "more mistake", "more mistakes")))
	}
	return errors.Join(errs...)
}
