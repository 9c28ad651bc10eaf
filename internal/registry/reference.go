package registry

import (
	"fmt"
	"strings"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A Descriptor names a manifest by its content.
type Descriptor = manifests.Descriptor

// withoutHost gives the error for a reference that begins with no host. If the rest is
// right, its hint has the name that docker would use.
func withoutHost(s string) error {
	err := fmt.Errorf("image reference %q does not begin with a registry's host and a slash", s)
	owner, name, ok := strings.Cut(s, "/")
	if !ok {
		owner, name = "library", s
	}
	full := hostname.DockerHub + "/" + owner + "/" + name
	_, wrong := ref.New(full)
	isHost := !ok && strings.Contains(strings.SplitN(s, ":", 2)[0], ".")
	if wrong != nil || isHost || strings.Contains(name, "/") || !strings.ContainsAny(name, ":@") {
		return err
	}
	return fault.WithHint(err, "if it is an image of Docker Hub, write "+full)
}

// parse reads a reference host[:port]/path[:tag][@digest]. Unlike other
// programs it does not guess the host.
func parse(s string) (ref.Ref, error) {
	host, path, ok := strings.Cut(s, "/")
	if !ok || host == "" || path == "" || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return ref.Ref{}, withoutHost(s)
	}
	if _, name, isURL := strings.Cut(s, "://"); isURL {
		return ref.Ref{}, fault.WithHint(fmt.Errorf("image reference %q begins with a scheme", s), "write "+name)
	}
	if err := hostname.Check(host); err != nil {
		return ref.Ref{}, fmt.Errorf("image reference %q: %w", s, err)
	}
	r, err := ref.New(s)
	if err != nil || r.Scheme != "reg" {
		return ref.Ref{}, wire.MalformedReference(s, path)
	}
	if r.Registry = hostname.Normal(r.Registry); (hostname.Registry{Host: hostname.DockerHub}).Is(r.Registry) {
		r.Registry = hostname.DockerHub
		if !strings.Contains(r.Repository, "/") {
			r.Repository = "library/" + r.Repository // as container engines do
		}
	}
	if r.Digest != "" {
		if err := wire.CheckDigest(r.Digest); err != nil {
			return ref.Ref{}, fmt.Errorf("image reference %q: %w", s, err)
		}
		return r, nil
	}
	// regclient takes a missing tag for latest. A plan must say what it means.
	if !strings.Contains(path, ":") {
		r.Tag = ""
	}
	return r, nil
}

// parseTagged is parse for a reference that must name a tag or digest.
func (c *Client) parseTagged(s string) (ref.Ref, error) {
	r, err := c.parse(s)
	if err == nil && r.Tag == "" && r.Digest == "" {
		err = fmt.Errorf("image reference %q has no tag", s)
	}
	return r, err
}

// parse is the function parse, with the name that the client has for the registry.
func (c *Client) parse(s string) (ref.Ref, error) {
	r, err := parse(s)
	if err == nil {
		r.Registry = c.registries.Name(r.Registry)
	}
	return r, err
}

// SameImage reports whether two names are those of one image.
func (c *Client) SameImage(a, b string) bool {
	return a == b || c.Canonical(a) == c.Canonical(b)
}

// Canonical gives the one spelling of an image's name. It leaves alone what is no
// such name.
func (c *Client) Canonical(image string) string {
	if _, _, ok := CutLayout(image); ok {
		return image
	}
	r, err := c.parse(image)
	if err != nil {
		return image
	}
	return show(r)
}

// Split splits a reference into the registry's host, the repository and the
// tag. Docker Hub's host is always docker.io.
func Split(s string) (host, repository, tag string, err error) {
	r, err := parse(s)
	return r.Registry, r.Repository, r.Tag, err
}

// show writes a reference for people.
func show(r ref.Ref) string {
	s := r.Registry
	if r.Path != "" {
		s = showLayout(r)
	} else if r.Repository != "" {
		s += "/" + r.Repository
	}
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// repoOf is a reference to the repository alone.
func repoOf(r ref.Ref) ref.Ref {
	return ref.Ref{Scheme: "reg", Registry: r.Registry, Repository: r.Repository, Reference: r.Registry + "/" + r.Repository, Path: r.Path}
}
