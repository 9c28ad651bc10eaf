package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/regclient/regclient/types/ref"
	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Preflight makes sure, before a byte moves, that pushes are allowed: wrong
// rights are reported now, and not after gigabytes. It asks only registries
// that ask for a login or get one. Rights to pull were proved by reading the
// manifests. An image that may not be pushed has failed then.
//
// Preflight opens uploads and cancels them, so it is no part of Plan, which
// changes nothing. Its own error is that ctx ended.
func (c *Client) Preflight(ctx context.Context, t *TransferPlan) error {
	byHost := map[string]map[string][]*ImagePlan{}
	for _, e := range t.Images {
		if e.State != Copy {
			continue
		}
		repos := byHost[e.target.Registry]
		if repos == nil {
			repos = map[string][]*ImagePlan{}
			byHost[e.target.Registry] = repos
		}
		repos[e.target.Repository] = append(repos[e.target.Repository], e)
	}
	for _, repos := range byHost {
		c.preflightHost(ctx, repos)
	}
	return ctx.Err()
}

// preflightHost asks about the repositories of one host, as many at a time as
// the host takes.
func (c *Client) preflightHost(ctx context.Context, repos map[string][]*ImagePlan) {
	var g errgroup.Group
	for _, es := range repos {
		g.SetLimit(c.concurrency(es[0].target.Registry))
		break
	}
	for _, es := range repos {
		g.Go(func() error {
			if err := c.mayPush(ctx, repoOf(es[0].target)); err != nil && ctx.Err() == nil {
				for _, e := range es {
					e.fail(on(destination, err))
				}
			}
			return nil
		})
	}
	_ = g.Wait()
}

// mayPush opens an upload and cancels it, which leaves nothing behind. Some
// registries give a token for anything and check rights only then. Other errors
// are reported when something is really pushed.
func (c *Client) mayPush(ctx context.Context, repo ref.Ref) error {
	p, err := c.target(ctx, repo)
	if err != nil {
		return err
	}
	if p.Cred.IsZero() && !c.wire.AsksForLogin(p.Origin) {
		return nil
	}
	err = c.call(ctx, repo, func(ctx context.Context) error { return c.openUpload(ctx, p) })
	var e *Error
	if errors.As(err, &e) && e.Kind == Denied && p.Cred.IsZero() {
		e.Kind = NoLogin // a push makes its repository, so only the right can be missing
	}
	switch KindOf(err) {
	case NoLogin, BadLogin, Denied, NotFound, Mismatch:
		return err
	}
	return ctx.Err()
}

// openUpload opens an upload and cancels it.
func (c *Client) openUpload(ctx context.Context, p *wire.Target) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Origin+"/v2/"+p.Repository+"/blobs/uploads/", nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusAccepted {
		return errors.New("an upload cannot be opened")
	}
	at, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		return err
	}
	// A failure to cancel does no harm: registries forget uploads in time, and
	// some let only those cancel them who may also delete.
	if cancel, err := http.NewRequestWithContext(wire.WithoutRetry(ctx), http.MethodDelete, at.String(), nil); err == nil {
		_, _ = c.do(cancel)
	}
	return nil
}

// do sends a request whose answer need not be read.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", wire.UserAgent)
	resp, err := c.http.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

// noUpload is the name of an upload that no registry has.
const noUpload = "00000000-0000-0000-0000-000000000000"

// MayPush asks whether a repository, HOST/NAME, takes pushes, and writes nothing: it sends an
// empty part of an upload that does not exist. A registry that lets the user push answers that
// there is no such upload (distribution specification, BLOB_UPLOAD_UNKNOWN), another refuses
// first. If the answer means neither, known is false.
func (c *Client) MayPush(ctx context.Context, repository string) (known bool, err error) {
	r, err := c.parse(repository)
	if err != nil {
		return false, err
	}
	r = repoOf(r)
	p, err := c.target(ctx, r)
	if err != nil {
		return false, err
	}
	result, err := wire.Call(ctx, p, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, p.URL()+"/blobs/uploads/"+noUpload, http.NoBody)
		if err == nil {
			req.Header.Set("Content-Type", "application/octet-stream")
			_, err = c.do(req)
		}
		return errors.Join(err, errNoUpload)
	})
	var e *Error
	switch {
	case !errors.As(err, &e):
		return false, err
	case e.LacksUpload():
		return true, nil
	case e.Kind == Other && result.Status != http.StatusMethodNotAllowed:
		return false, nil
	}
	return true, err
}

// errNoUpload is the cause of the answer that MayPush expects.
var errNoUpload = errors.New("there is no such upload")
