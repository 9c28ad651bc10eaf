package registry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/ref"
	"github.com/regclient/regclient/types/referrer"

	"github.com/bayplan/bayplan/internal/fault"
)

// Signatures says what is done about that which speaks of an image without
// being a part of it: signatures, attestations, bills of materials. Nothing of
// it is looked into.
type Signatures string

// What there is to choose from.
const (
	IgnoreSignatures  Signatures = ""        // they are not looked for
	CopySignatures    Signatures = "copy"    // those of an image that is copied come with it
	RequireSignatures Signatures = "require" // an image without a signature fails; missing ones are copied later too
)

const (
	// maxAttached is how many things may speak of one image.
	maxAttached = 200
	// maxChain is how far what is spoken of may itself speak of something.
	maxChain = 3
)

// An attached manifest speaks of an image.
type attached struct {
	digest    string
	tag       string // as cosign names it, "" for a referrer
	signature bool
}

// tagLists remembers the tags of repositories while a table is made: many
// images of a list may be of one. The mutex is there because images are looked
// at beside each other.
type tagLists struct {
	mu      sync.Mutex
	all     map[string]func() ([]string, error)
	without map[string]bool // parts of registries that know no referrers
}

// registryPart is as far as registries are all of one kind: some put another one
// behind each first part of a repository's name.
func registryPart(r ref.Ref) string {
	first, _, _ := strings.Cut(r.Repository, "/")
	return r.Registry + "/" + first
}

// hasNoReferrers says that asking for referrers is of no use.
func (l *tagLists) hasNoReferrers(r ref.Ref) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.without[registryPart(r)]
}

func (l *tagLists) noteNoReferrers(r ref.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.without == nil {
		l.without = map[string]bool{}
	}
	l.without[registryPart(r)] = true
}

func (l *tagLists) get(name string, load func() ([]string, error)) ([]string, error) {
	l.mu.Lock()
	if l.all == nil {
		l.all = map[string]func() ([]string, error){}
	}
	if l.all[name] == nil {
		l.all[name] = sync.OnceValues(load)
	}
	f := l.all[name]
	l.mu.Unlock()
	return f()
}

// attachments finds what speaks of an entry's image, or of one of the images
// of its index; and what speaks of that, as a signature of a bill of materials
// does. A registry may say that things speak of each other: each is met once.
func (c *Client) attachments(ctx context.Context, e *ImagePlan, subjects []string) ([]attached, error) {
	tags, err := c.cosignTags(ctx, e)
	if err != nil {
		return nil, err
	}
	var all []attached
	met := map[attached]bool{}
	for depth := 0; len(subjects) > 0; depth++ {
		var fresh []attached
		for _, subject := range subjects {
			found, err := c.attachmentsOf(ctx, e, subject, tags)
			if err != nil {
				return nil, err
			}
			for _, a := range found {
				if !met[a] {
					met[a], fresh = true, append(fresh, a)
				}
			}
			if len(met) > maxAttached {
				return nil, fmt.Errorf("%s: more than %d signatures and the like", show(e.source), maxAttached)
			}
		}
		switch {
		case depth == 0 && e.want.Signatures == RequireSignatures && !slices.ContainsFunc(fresh, func(a attached) bool { return a.signature }):
			return nil, fault.WithHint(fmt.Errorf("%s: it has no signature", show(e.source)), "signatures: copy takes images without one, too")
		case depth == maxChain && len(fresh) > 0:
			return nil, fmt.Errorf("%s: what speaks of it is spoken of more than %d deep", show(e.source), maxChain)
		}
		all, subjects = append(all, fresh...), subjectsAmong(fresh)
	}
	return all, nil
}

// subjectsAmong gives the digests of what may be spoken of itself; signatures are not.
func subjectsAmong(found []attached) []string {
	var digests []string
	for _, a := range found {
		if !a.signature {
			digests = append(digests, a.digest)
		}
	}
	return digests
}

// attachmentsOf finds what speaks of one manifest.
func (c *Client) attachmentsOf(ctx context.Context, e *ImagePlan, subject string, tags cosignList) ([]attached, error) {
	if e.rewritten && subject == e.Digest {
		return nil, nil // the source has never heard of it
	}
	found, err := c.tagsOf(ctx, repoOf(e.source), subject, tags)
	if err != nil {
		return nil, err
	}
	standIn := slices.Contains(tags.names, strings.Replace(subject, ":", "-", 1))
	if tags.known && !standIn && e.want.scratch.lists.hasNoReferrers(e.source) {
		return found, nil
	}
	referring, err := c.referrers(ctx, repoOf(e.source).SetDigest(subject), &e.want.scratch.lists)
	return append(found, referring...), err
}

// A cosignList holds the tags of a repository that may be cosign's, where its
// tags can be listed.
type cosignList struct {
	names []string
	known bool
}

// cosignTags lists the tags of an entry's source that may be cosign's.
func (c *Client) cosignTags(ctx context.Context, e *ImagePlan) (cosignList, error) {
	repo := repoOf(e.source)
	all, err := e.want.scratch.lists.get(show(repo), func() ([]string, error) { return c.allTags(ctx, repo) })
	if err != nil {
		if ctx.Err() != nil || fault.IsConnection(err) || KindOf(err) == Mismatch {
			return cosignList{}, err
		}
		return cosignList{}, nil
	}
	list := cosignList{known: true}
	for _, t := range all {
		if strings.HasPrefix(t, "sha256-") {
			list.names = append(list.names, t)
		}
	}
	return list, nil
}

func (c *Client) allTags(ctx context.Context, repo ref.Ref) ([]string, error) {
	var tags []string
	err := c.call(ctx, repo, func(ctx context.Context) error {
		list, err := c.pull.TagList(ctx, repo)
		if err == nil {
			tags, err = list.GetTags()
		}
		return err
	})
	return tags, err
}

// tagsOf finds cosign's tags for one manifest. Where tags cannot be listed,
// the usual ones are asked for.
func (c *Client) tagsOf(ctx context.Context, repo ref.Ref, subject string, tags cosignList) ([]attached, error) {
	stem := strings.Replace(subject, ":", "-", 1) + "."
	names := tags.names
	if !tags.known {
		names = []string{stem + "sig", stem + "att", stem + "sbom"}
	}
	var found []attached
	for _, tag := range names {
		if !strings.HasPrefix(tag, stem) {
			continue
		}
		d, err := c.head(ctx, c.pull, repo.SetTag(tag))
		switch kind := KindOf(err); {
		case err == nil:
			found = append(found, attached{digest: d.Digest, tag: tag, signature: tag == stem+"sig"})
		case kind != NotFound && kind != Denied:
			return nil, err
		}
	}
	return found, nil
}

// referrers asks for the manifests whose subject a manifest is: by the
// distribution specification, or else by the tag that stands in for it. That
// neither is there is noted.
func (c *Client) referrers(ctx context.Context, subject ref.Ref, lists *tagLists) ([]attached, error) {
	var list referrer.ReferrerList
	s, err := c.callResult(ctx, subject, func(ctx context.Context) (err error) {
		list, err = c.pull.ReferrerList(ctx, subject)
		return err
	})
	if kind := KindOf(err); err != nil && kind != NotFound && kind != Denied {
		return nil, fmt.Errorf("what refers to it: %w", err)
	}
	if s.Status == http.StatusNotFound {
		lists.noteNoReferrers(subject)
	}
	var found []attached
	for _, d := range list.Descriptors {
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("%s: a referrer with the digest %q: %w", show(subject), d.Digest, err)
		}
		found = append(found, attached{digest: d.Digest.String(), signature: isSignature(d)})
	}
	return found, nil
}

// isSignature knows the signatures of cosign, of the sigstore bundle format
// and of the Notary Project.
func isSignature(d descriptor.Descriptor) bool {
	switch d.ArtifactType {
	case "application/vnd.cncf.notary.signature", "application/vnd.dev.cosign.artifact.sig.v1+json":
		return true
	}
	return strings.HasPrefix(d.ArtifactType, "application/vnd.dev.sigstore.bundle")
}

// attach reads what speaks of an entry's image into its tree.
func (c *Client) attach(ctx context.Context, e *ImagePlan, t *tree) error {
	var err error
	if e.attached, err = c.attachments(ctx, e, t.subjects()); err != nil {
		return err
	}
	for _, a := range e.attached {
		if err := t.walk(ctx, a.digest, 1); err != nil {
			return fmt.Errorf("what speaks of %s: %w", show(e.source), err)
		}
	}
	return nil
}

// missingAttachments finds what speaks of an unchanged image and is not at the destination.
func (c *Client) missingAttachments(ctx context.Context, e *ImagePlan) ([]string, error) {
	t := newTree(repoOf(e.source), c.manifest)
	if err := t.top(ctx, e); err != nil {
		return nil, on(source, err)
	}
	found, err := c.attachments(ctx, e, t.subjects())
	if err != nil {
		return nil, on(source, err)
	}
	var lost []string
	for _, a := range found {
		at := repoOf(e.target).SetDigest(a.digest)
		if a.tag != "" {
			at = repoOf(e.target).SetTag(a.tag)
		}
		have, err := c.tagged(ctx, at)
		if err != nil {
			return nil, on(destination, err)
		}
		if have != a.digest {
			lost = append(lost, "manifest "+show(at))
		}
	}
	return lost, nil
}

// subjects are the digests of all manifests of an image: each may be spoken of.
func (t *tree) subjects() []string {
	all := make([]string, len(t.manifests))
	for i, m := range t.manifests {
		all[i] = m.digest
	}
	return all
}

// orderPuts says under which tags an image's manifests are put, and in which
// order: what speaks of the image comes before its tag.
func (e *ImagePlan) orderPuts(t *tree, image int) {
	tags := map[string][]string{}
	for _, a := range e.attached {
		if a.tag != "" {
			tags[a.digest] = append(tags[a.digest], a.tag)
		}
	}
	top := t.manifests[image]
	e.puts = nil
	for i, m := range t.manifests {
		if i == image {
			continue
		}
		if named := tags[m.digest]; i > image && len(named) > 0 {
			for _, tag := range named {
				e.puts = append(e.puts, put{m, tag})
			}
			continue
		}
		e.puts = append(e.puts, put{m, ""})
	}
	e.puts = append(e.puts, put{top, e.target.Tag})
}
