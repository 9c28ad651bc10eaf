package manifests

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"

	"github.com/bayplan/bayplan/internal/registry/platforms"
)

// A Narrowed image is an index with only some of its platforms.
type Narrowed struct {
	Digest string            // of the rest
	Index  manifest.Manifest // the new index; nil: the digest is at the source
	Kept   []string          // platforms
	Of     int               // how many there were
}

// Narrow keeps only some platforms of an index. It removes the others from the
// list, because a registry refuses an index with missing images. If one image
// is left, the result is that image. A manifest that is not an index stays as it
// is.
func Narrow(m manifest.Manifest, wanted []string, name string) (Narrowed, error) {
	whole := Narrowed{Digest: Describe(m).Digest}
	index, ok := m.(manifest.Indexer)
	if !ok {
		return whole, nil
	}
	list, err := index.GetManifestList()
	if err != nil {
		return whole, fmt.Errorf("%s: %w", name, err)
	}
	keep, n := selectPlatforms(list, wanted)
	if len(n.Kept) == 0 {
		return whole, fmt.Errorf("%s: it has no image for %s; there are %s", name, strings.Join(wanted, ", "), strings.Join(platformNames(list), ", "))
	}
	switch images := imagesAmong(list, keep); {
	case !slices.Contains(keep, false):
		return whole, nil
	case len(images) == 1:
		n.Digest = images[0].Digest.String()
		return n, images[0].Digest.Validate()
	}
	n.Index, err = rewrite(m, keep)
	if err != nil {
		return whole, fmt.Errorf("%s: rewriting its index: %w", name, err)
	}
	n.Digest = Describe(n.Index).Digest
	return n, nil
}

// selectPlatforms says which entries of an index stay: those of the platforms,
// and the attestations about them.
func selectPlatforms(list []descriptor.Descriptor, wanted []string) (keep []bool, n Narrowed) {
	keep = make([]bool, len(list))
	subjects := map[string]bool{}
	have := make([]platforms.Platform, len(list))
	for i, d := range list {
		if attestedDigest(d) == "" {
			have[i] = platformOf(d)
			n.Of++
		}
	}
	for i, selected := range platforms.Select(wanted, have) {
		if keep[i] = selected; selected {
			subjects[list[i].Digest.String()] = true
			n.Kept = append(n.Kept, have[i].String())
		}
	}
	for i, d := range list {
		if subject := attestedDigest(d); subject != "" {
			keep[i] = subjects[subject]
		}
	}
	return keep, n
}

// imagesAmong gives the kept entries that are not attestations.
func imagesAmong(list []descriptor.Descriptor, keep []bool) []descriptor.Descriptor {
	var images []descriptor.Descriptor
	for i, d := range list {
		if keep[i] && attestedDigest(d) == "" {
			images = append(images, d)
		}
	}
	return images
}

// attestedDigest gives the digest of the image that an attestation is about, ""
// for an image.
func attestedDigest(d descriptor.Descriptor) string {
	return d.Annotations["vnd.docker.reference.digest"]
}

// platformOf gives the platform of an entry, the zero value where it names none.
func platformOf(d descriptor.Descriptor) platforms.Platform {
	if d.Platform == nil {
		return platforms.Platform{}
	}
	return platforms.Platform{OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant}
}

func platformNames(list []descriptor.Descriptor) []string {
	var names []string
	for _, d := range list {
		if d.Platform != nil && attestedDigest(d) == "" {
			names = append(names, platformOf(d).String())
		}
	}
	if names == nil {
		return []string{"no platforms in its index"}
	}
	return names
}

// rewrite makes an index with only some of its entries, which stay as they are.
// The result is always the same.
func rewrite(m manifest.Manifest, keep []bool) (manifest.Manifest, error) {
	raw, err := m.RawBody()
	if err != nil {
		return nil, err
	}
	var body map[string]json.RawMessage
	var all, kept []json.RawMessage
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body["manifests"], &all); err != nil {
		return nil, err
	}
	for i, entry := range all {
		if i < len(keep) && keep[i] {
			kept = append(kept, entry)
		}
	}
	if body["manifests"], err = json.Marshal(kept); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(body); err != nil {
		return nil, err
	}
	return manifest.New(manifest.WithRaw(raw), manifest.WithDesc(descriptor.Descriptor{MediaType: Describe(m).MediaType}))
}
