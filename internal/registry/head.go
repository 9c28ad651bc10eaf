package registry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/scheme"
	"github.com/regclient/regclient/scheme/reg"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// Some registries, and proxies before them, refuse HEAD for what GET gives. So a HEAD
// that fails is no proof. What one answer shows of a registry holds for the others: a
// registry that answers HEAD well costs no more requests than before.

// A headUse is how the failure of a HEAD is taken.
type headUse int

const (
	// confirm asks by GET, too. It is for what should be there.
	confirm headUse = iota
	// believe takes the failure for the truth, unless the registry is known to
	// refuse HEAD. It is for what is usually missing, if a mistake does no harm.
	believe
)

// A headTrust is what is known of HEAD requests to a registry.
type headTrust struct {
	mu      sync.Mutex // several images are planned at a time
	answers bool       // a HEAD has found something
	refuses bool       // a GET has found what a HEAD has not
	ofBlobs bool       // the same, of a blob
	agreed  bool       // a GET has failed as a HEAD has, for another reason than "not found"

	probing sync.Mutex // held while a probe runs, so that others wait for what it shows
	probes  int
}

// maxProbes is the number of repositories in which a probe looks for something that is
// there.
const maxProbes = 3

func (c *Client) headTrust(registry string) *headTrust {
	t, _ := c.heads.LoadOrStore(registry, &headTrust{})
	return t.(*headTrust)
}

func (t *headTrust) is(what *bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return *what
}

func (t *headTrust) note(what *bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*what = true
}

// head asks for the descriptor of a manifest. If the registry does not give the digest or the
// media type in the header, head reads the manifest.
func (c *Client) head(ctx context.Context, view *reg.Reg, r ref.Ref, use headUse) (Descriptor, error) {
	trust := c.headTrust(r.Registry)
	if trust.is(&trust.refuses) {
		return c.describeByGet(ctx, view, r)
	}
	d, asked, err := c.headOnly(ctx, view, r)
	if err == nil {
		if asked {
			trust.note(&trust.answers)
		}
		return d, nil
	}
	if use == believe || ctx.Err() != nil || !c.mayDiffer(trust, err) {
		return Descriptor{}, err
	}
	got, gerr := c.describeByGet(ctx, view, r)
	switch {
	case gerr == nil:
		trust.note(&trust.refuses)
		return got, nil
	case KindOf(gerr) == KindOf(err) && KindOf(err) != NotFound:
		trust.note(&trust.agreed)
	}
	return Descriptor{}, gerr // with what the registry says; a HEAD has no text
}

// mayDiffer says whether a GET may succeed where a HEAD has failed. That a registry is
// busy or wants another login is asked only once.
func (c *Client) mayDiffer(trust *headTrust, err error) bool {
	switch KindOf(err) {
	case NotFound:
		return true
	case Unreachable, Mismatch:
		return false
	}
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && !trust.is(&trust.agreed)
}

// headOnly also says whether the registry was asked: what was read by its digest before
// is not asked for again.
func (c *Client) headOnly(ctx context.Context, view *reg.Reg, r ref.Ref) (d Descriptor, asked bool, err error) {
	s, err := c.callResult(ctx, r, func(ctx context.Context) error {
		m, err := view.ManifestHead(ctx, r)
		if errors.Is(err, errs.ErrUnsupportedMediaType) || err == nil && digest.Digest(m.GetDescriptor().Digest).Validate() != nil {
			m, err = view.ManifestGet(ctx, r)
		}
		if err == nil {
			d = manifests.Describe(m)
		}
		return err
	})
	return d, s.Status != 0, err
}

func (c *Client) describeByGet(ctx context.Context, view *reg.Reg, r ref.Ref) (Descriptor, error) {
	var d Descriptor
	err := c.call(ctx, r, func(ctx context.Context) error {
		m, err := view.ManifestGet(ctx, r)
		if err == nil {
			d = manifests.Describe(m)
		}
		return err
	})
	return d, err
}

// tagged gives the digest of a tag at the destination, "" where there is no
// such tag.
func (c *Client) tagged(ctx context.Context, r ref.Ref, use headUse) (string, error) {
	d, err := c.head(ctx, c.push(r), r, use)
	if KindOf(err) == NotFound {
		return "", nil
	}
	return d.Digest, err
}

// taggedBefore is tagged for an image that is to be copied, and so is usually not
// there. To ask for each by GET would double the requests. So it asks once whether the
// registry answers HEAD.
func (c *Client) taggedBefore(ctx context.Context, r ref.Ref, lists *catalogs) (string, error) {
	have, err := c.tagged(ctx, r, believe)
	if err != nil && ctx.Err() == nil && c.mayDiffer(c.headTrust(r.Registry), err) {
		return c.tagged(ctx, r, confirm)
	}
	if have != "" || err != nil || r.Path != "" || !c.refusesHead(ctx, r, lists) {
		return have, err
	}
	return c.tagged(ctx, r, confirm)
}

// refusesHead finds out whether a registry refuses HEAD, if a repository that may
// exist lets it find out.
func (c *Client) refusesHead(ctx context.Context, r ref.Ref, lists *catalogs) bool {
	trust := c.headTrust(r.Registry)
	if trust.is(&trust.answers) || trust.is(&trust.refuses) {
		return trust.is(&trust.refuses)
	}
	names, err := lists.of(ctx, c, r.Registry)
	if err == nil && !slices.Contains(names, r.Repository) {
		return false // it is not there
	}
	trust.probing.Lock()
	defer trust.probing.Unlock()
	if trust.probes < maxProbes && !trust.is(&trust.answers) && !trust.is(&trust.refuses) {
		c.probeHead(ctx, repoOf(r))
		trust.probes++
	}
	return trust.is(&trust.refuses)
}

// probeHead asks in both ways for a tag that is there.
func (c *Client) probeHead(ctx context.Context, repo ref.Ref) {
	var tags []string
	err := c.call(ctx, repo, func(ctx context.Context) error {
		list, err := c.push(repo).TagList(ctx, repo, scheme.WithTagLimit(1))
		if err == nil {
			tags, err = list.GetTags()
		}
		return err
	})
	if err == nil && len(tags) > 0 {
		_, _ = c.head(ctx, c.push(repo), repo.SetTag(tags[0]), confirm) // it notes what it learns
	}
}

// catalogs are the lists of repositories of registries, each read once while a plan is
// made.
type catalogs struct {
	mu  sync.Mutex // several images are planned at a time
	all map[string]*catalogAnswer
}

type catalogAnswer struct {
	once  sync.Once
	names []string
	err   error
}

func (cs *catalogs) of(ctx context.Context, c *Client, registry string) ([]string, error) {
	cs.mu.Lock()
	if cs.all == nil {
		cs.all = map[string]*catalogAnswer{}
	}
	answer := cs.all[registry]
	if answer == nil {
		answer = &catalogAnswer{}
		cs.all[registry] = answer
	}
	cs.mu.Unlock()
	answer.once.Do(func() { answer.names, answer.err = c.Catalog(ctx, registry) })
	return answer.names, answer.err
}

// hasBlob asks for a blob at the destination. One of which the registry says that it has
// another size is damaged, and counts as absent.
func (c *Client) hasBlob(ctx context.Context, repo ref.Ref, d part, use headUse) (bool, error) {
	trust, cut := c.headTrust(repo.Registry), false
	if trust.is(&trust.ofBlobs) {
		return c.getsBlob(ctx, repo, d)
	}
	err := c.call(ctx, repo, func(ctx context.Context) error {
		rd, err := c.push(repo).BlobHead(ctx, repo, descriptor.Descriptor{Digest: digest.Digest(d.digest), Size: d.size})
		if err == nil {
			cut = isCut(rd.RawHeaders(), d.size)
			err = rd.Close()
		}
		return err
	})
	if err != nil && use == confirm && ctx.Err() == nil && c.mayDiffer(trust, err) {
		there, gerr := c.getsBlob(ctx, repo, d)
		if there {
			trust.note(&trust.ofBlobs)
		}
		return there, gerr
	}
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil && !cut, err
}

// isCut says whether an answer tells another size than the manifest. Registries that know
// none send none, or 0.
func isCut(header http.Header, size int64) bool {
	n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	return err == nil && n > 0 && size > 0 && n != size
}

var errNoBlob = errors.New("the blob is not there")

// getsBlob asks for the first byte of a blob, and reads none.
func (c *Client) getsBlob(ctx context.Context, repo ref.Ref, d part) (bool, error) {
	p, err := c.target(ctx, repo)
	if err != nil {
		return false, err
	}
	err = c.call(ctx, repo, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Origin+"/v2/"+repo.Repository+"/blobs/"+d.digest, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Range", "bytes=0-0")
		resp, err := c.do(req)
		if err == nil && resp.StatusCode/100 != 2 {
			err = errNoBlob
		}
		return err
	})
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}
