package registry

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// layoutHost is the host name of layouts as a registry. No server can have the
// name.
const layoutHost = "oci-layout.invalid"

// madeHost is the host name of layouts that are made of files which lie elsewhere. A
// layout cannot take these over, so that they are read as from any other registry.
const madeHost = "oci-files.invalid"

// layoutConcurrency is more than a plan may ask for, because a disk sets no
// limit.
const layoutConcurrency = 128

// UseLayout makes a layout the source of images that are named oci:PATH:repository:tag, with
// the path that the layout has. Nobody else writes that name.
func (c *Client) UseLayout(l *ocilayout.Layout) { c.made.Put(l) }

// Layout gives the layout at a path, to which images are copied or from which they come.
func (c *Client) Layout(path string) *ocilayout.Layout {
	l, _ := c.layouts.At(path)
	return l
}

// targetLayouts gives the layouts that a plan writes to, each with its images.
func (c *Client) targetLayouts(t *TransferPlan) map[*ocilayout.Layout][]*ImagePlan {
	all := map[*ocilayout.Layout][]*ImagePlan{}
	for _, e := range t.Images {
		if e.target.Path != "" {
			l, _ := c.layouts.At(e.target.Path)
			all[l] = append(all[l], e)
		}
	}
	return all
}

// LayoutPrefix begins the name of an image in a layout: oci:DIR:repository:tag,
// or oci:FILE.tar:repository:tag.
const LayoutPrefix = "oci:"

// CutLayout splits a name in a layout into its directory or archive and the
// name there, "" for the whole layout. oci://HOST/NAME is no such name: Ironic and others
// write images of registries in that way.
func CutLayout(s string) (dir, name string, ok bool) {
	rest, ok := strings.CutPrefix(s, LayoutPrefix)
	if !ok || strings.HasPrefix(rest, "//") {
		return "", "", false
	}
	dir, name, _ = strings.Cut(rest, ":")
	return dir, name, true
}

// ref makes a reference of oci:DIR:repository:tag[@digest].
func (c *Client) layoutRef(s string) (ref.Ref, error) {
	dir, name, _ := CutLayout(s)
	host, n, made := madeHost, 0, false
	if n, made = c.made.Find(dir); !made {
		var l *ocilayout.Layout
		l, n = c.layouts.At(dir)
		if err := l.Check(); err != nil { // the answer to a HEAD has no text
			return ref.Ref{}, err
		}
		host = layoutHost
	}
	r, err := c.parseTagged(fmt.Sprintf("%s/%d/%s", host, n, name))
	if err != nil {
		return ref.Ref{}, fmt.Errorf("image reference %q is not of the form oci:LAYOUT:repository:tag", s)
	}
	r.Path = dir
	return r, nil
}

// showLayout writes a reference into a layout for people.
func showLayout(r ref.Ref) string {
	_, repository, _ := strings.Cut(r.Repository, "/")
	return LayoutPrefix + r.Path + ":" + repository
}

// imageRef reads the name of an image in a registry or a layout.
func (c *Client) imageRef(s string) (ref.Ref, error) {
	if _, _, ok := CutLayout(s); ok {
		return c.layoutRef(s)
	}
	return c.parseTagged(s)
}

// LayoutIndex gives the digest of a layout's index. The images are the same as
// long as it is. The error for a missing layout is fs.ErrNotExist.
func (c *Client) LayoutIndex(path string) (string, error) {
	idx, err := c.layoutIndex(path)
	if err != nil {
		return "", err
	}
	text, err := idx.Text()
	return digest.FromBytes(text).String(), err
}

func (c *Client) layoutIndex(path string) (*layoutindex.Index, error) {
	l := c.Layout(path)
	if err := l.Check(); err != nil {
		return nil, err
	}
	if err := l.Present(); err != nil {
		return nil, err
	}
	return l.Index()
}

// LayoutImages lists the images of a layout as oci:DIR:repository:tag@digest,
// without signatures and the like. It leaves out a registry's host before a
// repository, as Execute does.
func (c *Client) LayoutImages(dir string) ([]string, error) {
	idx, err := c.layoutIndex(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, d := range idx.Manifests {
		switch repository, tag := layoutindex.ImageName(d); {
		case repository == "" && tag == "", manifests.IsCosignTag(tag):
			continue
		case repository == "" || tag == "":
			err := fmt.Errorf("%s: the image named %q there has no repository and tag in its name", dir, cmp.Or(tag, repository))
			return nil, fault.WithHint(err, nameHint(dir, cmp.Or(repository, "REPOSITORY")+":"+cmp.Or(tag, "TAG"), d.Digest))
		default:
			all = append(all, LayoutPrefix+dir+":"+repository+":"+tag+"@"+d.Digest.String())
		}
	}
	if len(all) == 0 {
		err := fmt.Errorf("%s: no image is named there", dir)
		if len(idx.Manifests) > 0 {
			err = fault.WithHint(err, nameHint(dir, "REPOSITORY:TAG", idx.Manifests[0].Digest))
		}
		return nil, err
	}
	return all, nil
}

// nameHint shows how an image in a layout that does not name it is written.
func nameHint(dir, name string, d digest.Digest) string {
	return fmt.Sprintf("write the image with the name that it is to have: %s%s:%s@%s", LayoutPrefix, dir, name, d)
}

// sourceRef is imageRef for a source. Other tools name images in layouts in other ways:
// it finds them by their digest.
func (c *Client) sourceRef(s string) (ref.Ref, error) {
	r, err := c.imageRef(s)
	if err != nil || r.Path == "" || r.Digest != "" {
		return r, err
	}
	idx, err := c.layoutIndex(r.Path)
	if err != nil {
		return r, nil // that it is not there is told where it is read
	}
	_, name, _ := CutLayout(s)
	if d := idx.Find(name); d != "" {
		r = r.AddDigest(d.String())
	}
	return r, idx.Missing(r.Path, name)
}

// VerifyBlobs reads all blobs that the index of a layout needs, and gives the
// digests of those whose bytes have changed. It does not report missing blobs.
func (c *Client) VerifyBlobs(ctx context.Context, path string) ([]string, error) {
	corrupt, err := c.Layout(path).Corrupt(ctx)
	return corrupt, on(destination, err)
}

// fits reports, before anything is moved, that the blobs do not fit on the
// disks of the layouts.
func (c *Client) fits(t *TransferPlan) error {
	need := map[string]int64{}
	for _, b := range t.Blobs {
		dir := b.places[0].repo.Path
		if dir == "" || b.isPresent() {
			continue
		}
		if _, known := need[dir]; !known {
			need[dir] = c.Layout(dir).OverheadBytes()
		}
		need[dir] += min(b.Size, 1<<60) // sizes come from manifests
	}
	for dir, n := range need {
		free, known := durable.FreeSpace(dir)
		if !known || n >= 0 && n <= free {
			continue // if it is not known, writing will show it
		}
		err := fmt.Errorf("%s: %d bytes are free, the images take %d", dir, free, n)
		return on(destination, fault.WithHint(err, "make room, or let the layout be somewhere else"))
	}
	return nil
}
