package registry

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// A File is a file of an artifact.
type File = manifests.File

// An Artifact is files under the name of an image.
type Artifact struct {
	Digest string // of the manifest or the index that the name stands for
	Files  []File

	repo ref.Ref
}

// Artifact reads which files there are under the name of an image in a registry or a layout.
// digest is what its tag stands for, "" if the registry has to be asked. It reads manifests
// only.
func (c *Client) Artifact(ctx context.Context, image, digest string) (*Artifact, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	if digest != "" {
		r = r.AddDigest(digest)
	}
	top, err := c.manifest(ctx, r)
	if err != nil {
		return nil, err
	}
	a := &Artifact{Digest: manifests.Describe(top).Digest, repo: repoOf(r)}
	if index, ok := top.(manifest.Indexer); ok {
		err = c.filesOfIndex(ctx, a, index)
	} else {
		a.Files, err = manifests.Files(top)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show(r), err)
	}
	return a, nil
}

// filesOfIndex reads the files of all manifests of an index.
func (c *Client) filesOfIndex(ctx context.Context, a *Artifact, index manifest.Indexer) error {
	list, err := manifests.Children(index)
	switch {
	case err != nil:
		return err
	case len(list) == 0:
		return fmt.Errorf("it is an index without files")
	case len(list) > manifests.MaxManifests:
		return fmt.Errorf("its index names more than %d manifests", manifests.MaxManifests)
	}
	for _, d := range list {
		m, err := c.manifest(ctx, a.repo.SetDigest(d.Digest.String()))
		if err != nil {
			return err
		}
		files, err := manifests.Files(m)
		if err != nil {
			return err
		}
		a.Files = append(a.Files, manifests.About(files, d)...)
	}
	return nil
}

// CheckFile gives an error for a file that its layout leaves out, since the destination of the
// layout has it.
func (c *Client) CheckFile(a *Artifact, f File) error {
	if a.repo.Registry != layoutHost {
		return nil
	}
	l, d := c.Layout(a.repo.Path), digest.Digest(f.Digest)
	if _, out := l.LeftOut(d); !out {
		return nil
	}
	if has, err := l.Has(d); has || err != nil {
		return err
	}
	of, err := l.Leaves()
	if err != nil {
		return err
	}
	err = fmt.Errorf("%s leaves out the file %q (%s), which %s has by its receipt", a.repo.Path, f.Title, human.Size(f.Size), of.Of)
	return fault.WithHint(err, "fetch it from there, or from the medium that brought it")
}

// OpenFile gives the bytes of a file of an artifact from one on. Nothing compares their
// digest.
func (c *Client) OpenFile(ctx context.Context, a *Artifact, f File, from int64) (io.ReadCloser, error) {
	in := c.newBlobReader(ctx, a.repo, &Blob{Digest: f.Digest, Size: f.Size})
	if in.n = from; from == f.Size {
		return in, nil
	}
	var err error
	if in.rd, err = in.request(in.ctx, from, f.Size); err != nil {
		in.cancel()
		return nil, err
	}
	return in, nil
}
