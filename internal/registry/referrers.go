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
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Signatures says what happens to manifests that refer to an image without
// being a part of it: signatures, attestations, bills of materials. Their
// content is not read.
type Signatures string

// The choices.
const (
	IgnoreSignatures  Signatures = ""        // do not look for them
	CopySignatures    Signatures = "copy"    // copy them with their image
	RequireSignatures Signatures = "require" // as copy, but an image without a signature fails, and missing ones are copied later, too
)

const (
	// maxAttached is the largest number of manifests that refer to one image.
	maxAttached = 200
	// maxChain is how deep referring manifests may refer to each other.
	maxChain = 3
)

// An attached manifest refers to an image.
type attached struct {
	digest    string
	tag       string // as cosign names it, "" for a referrer
	signature bool
}

// tagLists remembers the tags of repositories while a plan is made, because
// many images may be of one repository. The mutex is there because several
// images are planned at a time.
type tagLists struct {
	mu      sync.Mutex
	all     map[string]func() ([]string, error)
	without map[string]bool          // parts of registries without the referrers API
	asked   map[string]chan struct{} // by part, closed when its first answer about referrers is there
}

// registryPart names the part of a registry that behaves alike: some hosts have
// another registry behind each first part of a repository's name.
func registryPart(r ref.Ref) string {
	first, _, _ := strings.Cut(r.Repository, "/")
	return r.Registry + "/" + first
}

// hasNoReferrers says that a registry does not have the referrers API.
func (l *tagLists) hasNoReferrers(r ref.Ref) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.without[registryPart(r)]
}

// askReferrers lets the first caller ask the part of a registry alone, so that the others
// need not ask what it does not have. The caller calls the result when it has an answer.
func (l *tagLists) askReferrers(ctx context.Context, r ref.Ref) (done func()) {
	part := registryPart(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.asked[part]
	if first == nil {
		if l.asked == nil {
			l.asked = map[string]chan struct{}{}
		}
		first = make(chan struct{})
		l.asked[part] = first
		return func() { close(first) }
	}
	l.mu.Unlock()
	select {
	case <-first:
	case <-ctx.Done():
	}
	l.mu.Lock()
	return func() {}
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

// attachments finds the manifests that refer to an image or to the images of
// its index, and those that refer to them, such as the signature of a bill of
// materials. A registry may say that they refer to each other, so each is
// visited once.
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
			return nil, fmt.Errorf("%s: manifests that refer to it are nested more than %d deep", show(e.source), maxChain)
		}
		all, subjects = append(all, fresh...), subjectsAmong(fresh)
	}
	return all, nil
}

// subjectsAmong gives the digests of the manifests that others may refer to:
// all but signatures.
func subjectsAmong(found []attached) []string {
	var digests []string
	for _, a := range found {
		if !a.signature {
			digests = append(digests, a.digest)
		}
	}
	return digests
}

// attachmentsOf finds the manifests that refer to one manifest.
func (c *Client) attachmentsOf(ctx context.Context, e *ImagePlan, subject string, tags cosignList) ([]attached, error) {
	if e.rewritten && subject == e.Digest {
		return nil, nil // the source does not have it
	}
	if trust := c.headTrust(e.source.Registry); !tags.known && e.source.Tag != "" && !trust.is(&trust.answers) {
		// What is usually missing shows nothing. The image itself is there.
		_, _ = c.head(ctx, c.pull(e.source), repoOf(e.source).SetTag(e.source.Tag), confirm)
	}
	found, err := c.tagsOf(ctx, repoOf(e.source), subject, tags)
	if err != nil {
		return nil, err
	}
	defer e.want.scratch.lists.askReferrers(ctx, e.source)()
	standIn := slices.Contains(tags.names, strings.Replace(subject, ":", "-", 1))
	if tags.known && !standIn && e.want.scratch.lists.hasNoReferrers(e.source) {
		return found, nil
	}
	referring, err := c.referrers(ctx, repoOf(e.source).SetDigest(subject), &e.want.scratch.lists)
	return append(found, referring...), err
}

// A cosignList holds the tags of a repository that may be cosign's, if its tags
// can be listed.
type cosignList struct {
	names []string
	known bool
}

// cosignTags lists the tags of an image's source that may be cosign's.
func (c *Client) cosignTags(ctx context.Context, e *ImagePlan) (cosignList, error) {
	repo := repoOf(e.source)
	all, err := e.want.scratch.lists.get(show(repo), func() ([]string, error) {
		if list := e.want.Tags; list != nil && repo.Path == "" {
			return list(ctx, show(repo))
		}
		return c.allTags(ctx, repo)
	})
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
		list, err := c.pull(repo).TagList(ctx, repo)
		if err == nil {
			tags, err = list.GetTags()
		}
		return err
	})
	return tags, err
}

// tagsOf finds cosign's tags for one manifest. If tags cannot be listed, it
// asks for the usual ones.
func (c *Client) tagsOf(ctx context.Context, repo ref.Ref, subject string, tags cosignList) ([]attached, error) {
	stem := strings.Replace(subject, ":", "-", 1) + "."
	names, use := tags.names, confirm
	if !tags.known {
		use = believe // most manifests have none of them
		names = []string{stem + "sig", stem + "att", stem + "sbom"}
	}
	var found []attached
	for _, tag := range names {
		if !strings.HasPrefix(tag, stem) {
			continue
		}
		d, err := c.head(ctx, c.pull(repo), repo.SetTag(tag), use)
		switch kind := KindOf(err); {
		case err == nil:
			found = append(found, attached{digest: d.Digest, tag: tag, signature: tag == stem+"sig"})
		case kind != NotFound && kind != Denied:
			return nil, err
		}
	}
	return found, nil
}

// referrers asks for the manifests whose subject is a manifest: by the
// referrers API, or else by the tag that stands in for it. It notes that a
// registry has neither.
func (c *Client) referrers(ctx context.Context, subject ref.Ref, lists *tagLists) ([]attached, error) {
	var list referrer.ReferrerList
	s, err := c.callResult(ctx, subject, func(ctx context.Context) (err error) {
		list, err = c.pull(subject).ReferrerList(ctx, subject)
		return err
	})
	if kind := KindOf(err); err != nil && kind != NotFound && kind != Denied {
		return nil, fmt.Errorf("asking for its referrers: %w", err)
	}
	if s.Status == http.StatusNotFound {
		lists.noteNoReferrers(subject)
	}
	var found []attached
	for _, d := range list.Descriptors {
		if err := wire.CheckDigest(d.Digest.String()); err != nil {
			return nil, fmt.Errorf("%s: a referrer: %w", show(subject), err)
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

// attach reads the manifests that refer to an image into its tree.
func (c *Client) attach(ctx context.Context, e *ImagePlan, t *tree) error {
	var err error
	if e.attached, err = c.attachments(ctx, e, t.subjects()); err != nil {
		return err
	}
	for _, a := range e.attached {
		if err := t.walk(ctx, a.digest, 1); err != nil {
			return fmt.Errorf("manifests that refer to %s: %w", show(e.source), err)
		}
	}
	return nil
}

// missingAttachments finds the manifests that refer to an unchanged image and
// are missing at the destination.
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
		have, err := c.tagged(ctx, at, confirm)
		if err != nil {
			return nil, on(destination, err)
		}
		if have != a.digest {
			lost = append(lost, "manifest "+show(at))
		}
	}
	return lost, nil
}

// subjects are the digests of all manifests of an image. Others may refer to
// each of them.
func (t *tree) subjects() []string {
	all := make([]string, len(t.manifests))
	for i, m := range t.manifests {
		all[i] = m.Digest
	}
	return all
}

// orderPuts sets the order in which the manifests of an image are put, and
// their tags. Those that refer to the image come before its tag.
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
		if named := tags[m.Digest]; i > image && len(named) > 0 {
			for _, tag := range named {
				e.puts = append(e.puts, put{m, tag})
			}
			continue
		}
		e.puts = append(e.puts, put{m, ""})
	}
	e.puts = append(e.puts, put{top, e.target.Tag})
}
