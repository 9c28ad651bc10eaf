package prune

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Remove removes what Find found, and calls gone for each removed tag. It may be called
// again after an error.
func (p *Pruning) Remove(ctx context.Context, gone func(*Removal)) error {
	if p.layout != nil {
		if err := p.layout.Begin(ctx); err != nil {
			return err
		}
	}
	err := p.removeAll(ctx, gone)
	switch {
	case p.layout == nil:
		return err
	case err != nil:
		return errors.Join(err, p.layout.Commit())
	}
	return p.layout.Sweep()
}

func (p *Pruning) removeAll(ctx context.Context, gone func(*Removal)) error {
	var errs []error
	for _, r := range p.Removals {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := p.remove(ctx, r)
		switch {
		case err == nil:
			gone(r)
		case errors.Is(err, errKeepsAll), fault.IsConnection(err), wire.KindOf(err) == wire.NoLogin, wire.KindOf(err) == wire.BadLogin:
			return err // the others would fail in the same way
		default:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// errKeepsAll says that a registry deletes nothing.
var errKeepsAll = errors.New("the registry does not allow deletion")

// remove removes a tag: as a tag where the registry can do that, else with its
// manifest, unless a tag that stays needs the manifest. Others may have pushed since
// the plan was made, so it looks again first.
func (p *Pruning) remove(ctx context.Context, r *Removal) error {
	at := r.repo.SetTag(r.Tag)
	have, err := p.at.Digest(ctx, at)
	switch {
	case err != nil:
		return err
	case have == "" && r.Digest != "":
		return nil // it has gone, perhaps with another tag of the same manifest
	case have != r.Digest:
		return fmt.Errorf("%s: it stands for another image now, %s", r.Name, have)
	}
	if !p.noTags {
		err := p.at.Delete(ctx, at)
		if err == nil || !deletesOnlyManifests(err) {
			return err
		}
	}
	if have == "" {
		return nil
	}
	p.noTags = true
	held, err := p.isHeld(ctx, r)
	switch {
	case err != nil:
		return err
	case held:
		return p.replaceAndDelete(ctx, r)
	}
	return explainRefusal(r, p.at.Delete(ctx, r.repo.SetDigest(have)))
}

// isHeld reports whether a tag that stays needs the manifest of a removal, also a tag
// that has come since the plan was made.
func (p *Pruning) isHeld(ctx context.Context, r *Removal) (bool, error) {
	if r.held {
		return true, nil
	}
	tags, err := p.at.Tags(ctx, r.repo)
	if err != nil {
		return false, fmt.Errorf("listing tags: %w", err)
	}
	for _, tag := range tags {
		if r.known[tag] {
			continue
		}
		if have, err := p.at.Digest(ctx, r.repo.SetTag(tag)); err != nil || have == r.Digest {
			return true, err
		}
	}
	return false, nil
}

// deletesOnlyManifests says that a registry's answer may mean that it deletes
// manifests only. "Not found" is such an answer, because the tag was listed.
func deletesOnlyManifests(err error) bool {
	var e *wire.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// explainRefusal says clearly that a registry does not delete.
func explainRefusal(r *Removal, err error) error {
	var e *wire.Error
	switch {
	case wire.KindOf(err) == wire.NotFound:
		return nil
	case errors.As(err, &e) && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented || e.Status == http.StatusBadRequest):
		err = fmt.Errorf("%s: %w: %v", r.Name, errKeepsAll, e)
		return fault.WithHint(err, "docker-registry deletes where REGISTRY_STORAGE_DELETE_ENABLED=true is set, bayplan serve registry without --no-delete; else leave prune out")
	}
	return err
}

// replaceAndDelete removes a tag that shares its manifest with a tag that
// stays, at a registry that deletes manifests only. It puts the tag on a
// manifest of its own and deletes that. Before, it makes sure that the registry
// deletes at all.
func (p *Pruning) replaceAndDelete(ctx context.Context, r *Removal) error {
	nothing := digest.FromString(rand.Text())
	if err := p.at.Delete(ctx, r.repo.SetDigest(nothing.String())); err != nil && wire.KindOf(err) != wire.NotFound {
		return explainRefusal(r, err)
	}
	return p.at.Untag(ctx, r.repo.SetTag(r.Tag))
}
