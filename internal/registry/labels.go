package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// maxConfig is the largest image configuration.
const maxConfig = 4 << 20

// Labels gives the labels of an image and what its reference stands for. Of an
// image for many platforms it takes the one for linux/amd64, or else the first.
// Without labels the map is empty.
func (c *Client) Labels(ctx context.Context, image string) (map[string]string, Descriptor, error) {
	r, err := c.parseTagged(image)
	if err != nil {
		return nil, Descriptor{}, err
	}
	if labels, d, ok := c.knownLabels(ctx, r); ok {
		return labels, d, nil
	}
	top, err := c.manifest(ctx, r)
	if err != nil {
		return nil, Descriptor{}, err
	}
	d := manifests.Describe(top)
	if labels, ok := c.labels.Get(d.Digest); ok {
		return labels, d, nil
	}
	m, err := c.onePlatform(ctx, r, top)
	if err != nil {
		return nil, d, err
	}
	labels, err := c.configLabels(ctx, r, m)
	if err == nil {
		c.labels.Put(d.Digest, labels)
	}
	return labels, d, err
}

// knownLabels gives the remembered labels of an image. For a tag this takes a
// HEAD, which moves no byte of the image and does not count as a pull. Its
// errors do not matter, because the GET that follows has the same.
func (c *Client) knownLabels(ctx context.Context, r ref.Ref) (map[string]string, Descriptor, bool) {
	if r.Digest != "" {
		labels, ok := c.labels.Get(r.Digest)
		return labels, Descriptor{Digest: r.Digest}, ok
	}
	if !c.labels.IsRecalled() {
		return nil, Descriptor{}, false
	}
	d, err := c.head(ctx, c.pull(r), r, believe)
	if err != nil {
		return nil, Descriptor{}, false
	}
	labels, ok := c.labels.Get(d.Digest)
	return labels, d, ok
}

// manifest reads a manifest. Its bytes are checked against the digest.
func (c *Client) manifest(ctx context.Context, r ref.Ref) (manifest.Manifest, error) {
	var m manifest.Manifest
	err := c.call(ctx, r, func(ctx context.Context) (err error) {
		m, err = c.pull(r).ManifestGet(ctx, r)
		return err
	})
	return m, err
}

// onePlatform follows an index, once, to the image of one platform.
func (c *Client) onePlatform(ctx context.Context, r ref.Ref, m manifest.Manifest) (manifest.Manifest, error) {
	index, ok := m.(manifest.Indexer)
	if !ok {
		return m, nil
	}
	children, err := index.GetManifestList()
	if err == nil && len(children) == 0 {
		err = errors.New("it is an index without images")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", show(r), wire.Words(err))
	}
	chosen := children[0]
	for _, d := range children {
		if p := d.Platform; p != nil && p.OS == "linux" && p.Architecture == "amd64" {
			chosen = d
			break
		}
	}
	if err := wire.CheckDigest(chosen.Digest.String()); err != nil {
		return nil, fmt.Errorf("%s: its index: %w", show(r), err)
	}
	return c.manifest(ctx, repoOf(r).SetDigest(chosen.Digest.String()))
}

// configLabels reads the labels in the configuration of an image.
func (c *Client) configLabels(ctx context.Context, r ref.Ref, m manifest.Manifest) (map[string]string, error) {
	if manifests.IsOldFormat(m) {
		return nil, manifests.OldFormatError(show(r), "read")
	}
	d, _, err := manifests.Parts(m, "read")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show(r), err)
	}
	b, err := c.small(ctx, r, d)
	if err != nil {
		return nil, err
	}
	var conf struct {
		Config struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(b, &conf); err != nil {
		return nil, fmt.Errorf("%s: its configuration %s: %s", show(r), d.Digest, wire.Words(err))
	}
	if conf.Config.Labels == nil {
		return map[string]string{}, nil
	}
	return conf.Config.Labels, nil
}

// small reads a blob into memory. It is checked against size and digest.
func (c *Client) small(ctx context.Context, r ref.Ref, d descriptor.Descriptor) ([]byte, error) {
	if err := manifests.CheckBlob(d); err != nil {
		return nil, fmt.Errorf("%s: %w", show(r), err)
	}
	if d.Size > maxConfig {
		return nil, fmt.Errorf("%s: its configuration is said to be %d bytes long; at most %d are read", show(r), d.Size, maxConfig)
	}
	var b []byte
	err := c.call(wire.ForBlob(ctx, d.Size), r, func(ctx context.Context) error {
		rd, err := c.pull(r).BlobGet(ctx, repoOf(r), plain(d))
		if err != nil {
			return err
		}
		defer func() { _ = rd.Close() }()
		// Without a size in the manifest, the client takes whatever comes.
		if b, err = io.ReadAll(io.LimitReader(rd, maxConfig+1)); err == nil && len(b) > maxConfig {
			err = fmt.Errorf("a blob is larger than %d bytes, and its manifest gives no size", maxConfig)
		}
		return err
	})
	return b, err
}

// plain is a descriptor without addresses, so that only the registry is asked.
func plain(d descriptor.Descriptor) descriptor.Descriptor {
	return descriptor.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
}

// LoadLabels reads a file of SaveLabels, so that Labels requests only what is
// new. A missing or damaged file counts as empty.
func (c *Client) LoadLabels(file string) error { return c.labels.Load(file) }

// SaveLabels writes new labels to a file, if there are any.
func (c *Client) SaveLabels(file string) error { return c.labels.Save(file) }
