package prune

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A keptManifests is the digests of the manifests of a repository that stay.
type keptManifests struct {
	at      Destination
	repo    ref.Ref
	known   map[string]bool // all tags
	digests map[string]bool
}

// A stayingImage is an image that stays.
type stayingImage struct {
	at       ref.Ref
	manifest manifest.Manifest // nil: it is not there
	err      error
}

// add adds manifests, read beside each other, and all below them. A missing one needs nothing.
func (k *keptManifests) add(ctx context.Context, refs []ref.Ref) error {
	all := make([]*stayingImage, len(refs))
	for i, r := range refs {
		all[i] = &stayingImage{at: r}
	}
	if err := wire.Each(ctx, all, func(ctx context.Context, one *stayingImage) {
		if one.manifest, one.err = k.at.Manifest(ctx, one.at); wire.KindOf(one.err) == wire.NotFound {
			one.manifest, one.err = nil, nil
		}
	}); err != nil {
		return err
	}
	for _, one := range all {
		if one.err != nil {
			return one.err
		}
		if one.manifest == nil {
			continue
		}
		if err := k.note(ctx, one.manifest, 1); err != nil {
			return err
		}
	}
	return nil
}

func (k *keptManifests) note(ctx context.Context, m manifest.Manifest, depth int) error {
	k.digests[manifests.Describe(m).Digest] = true
	index, ok := m.(manifest.Indexer)
	if !ok {
		return nil
	}
	list, err := manifests.Children(index)
	if err != nil {
		return fmt.Errorf("%s: %w", k.at.Name(k.repo.SetDigest(manifests.Describe(m).Digest)), err)
	}
	for _, d := range list {
		known := k.digests[d.Digest.String()]
		k.digests[d.Digest.String()] = true
		if known || d.MediaType != layoutindex.Type && d.MediaType != dockerListType {
			continue
		}
		if depth == manifests.MaxDepth || len(k.digests) > manifests.MaxManifests*manifests.MaxDepth {
			return fmt.Errorf("%s: indexes are nested too deep, or too many", k.at.Name(k.repo))
		}
		m, err := k.at.Manifest(ctx, k.repo.SetDigest(d.Digest.String()))
		if wire.KindOf(err) == wire.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if err := k.note(ctx, m, depth+1); err != nil {
			return err
		}
	}
	return nil
}

const dockerListType = "application/vnd.docker.distribution.manifest.list.v2+json"

// A candidate is a tag that may be removed.
type candidate struct {
	tag      string
	manifest manifest.Manifest // nil: it is not there
	subject  string            // digest of the manifest that it refers to, "" for none
	err      error
}

// removable gives the candidates to remove: all but those that refer to what
// stays, and so stay, too.
func (k *keptManifests) removable(ctx context.Context, tags []string) ([]*Removal, error) {
	slices.Sort(tags)
	all := make([]*candidate, len(tags))
	for i, tag := range tags {
		all[i] = &candidate{tag: tag}
	}
	if err := wire.Each(ctx, all, k.read); err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.err != nil {
			return nil, one.err
		}
	}
	leaving, err := k.dropReferrers(ctx, all)
	if err != nil {
		return nil, err
	}
	removals := make([]*Removal, len(leaving))
	for i, one := range leaving {
		removals[i] = &Removal{Name: k.at.Name(k.repo.SetTag(one.tag)), Tag: one.tag, repo: k.repo, known: k.known}
		if one.manifest != nil {
			removals[i].Digest = manifests.Describe(one.manifest).Digest
			removals[i].held = k.digests[removals[i].Digest]
		}
	}
	return removals, nil
}

// dropReferrers keeps the candidates that refer to what stays, and gives the
// others. Others may refer to the kept ones, and so on.
func (k *keptManifests) dropReferrers(ctx context.Context, all []*candidate) ([]*candidate, error) {
	for {
		var leaving []*candidate
		for _, one := range all {
			if one.subject == "" || !k.digests[one.subject] {
				leaving = append(leaving, one)
				continue
			}
			if one.manifest == nil {
				continue
			}
			if err := k.note(ctx, one.manifest, 1); err != nil {
				return nil, err
			}
		}
		if len(leaving) == len(all) {
			return leaving, nil
		}
		all = leaving
	}
}

// read finds out the manifest and the subject of a candidate.
func (k *keptManifests) read(ctx context.Context, one *candidate) {
	if manifests.IsCosignTag(one.tag) {
		stem, _, _ := strings.Cut(one.tag, ".")
		one.subject = strings.Replace(stem, "-", ":", 1)
	}
	m, err := k.at.Manifest(ctx, k.repo.SetTag(one.tag))
	if wire.KindOf(err) == wire.NotFound {
		return
	}
	if err != nil {
		one.err = err
		return
	}
	one.manifest = m
	text, err := m.RawBody()
	if err == nil && one.subject == "" {
		one.subject = ocilayout.Subject(text).String()
	}
}
