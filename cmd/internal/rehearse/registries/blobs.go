package registries

import (
	"net/url"
	"slices"
	"strings"
)

// CutBlob gives the registry and the repository in the address of a blob or a manifest:
// https://HOST/v2/REPOSITORY/blobs/DIGEST, as the distribution specification has it.
func CutBlob(address string) (host, repository string, ok bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", false
	}
	rest, isAPI := strings.CutPrefix(u.Path, "/v2/")
	for _, kind := range []string{"/blobs/", "/manifests/"} {
		if i := strings.LastIndex(rest, kind); isAPI && i > 0 {
			return Canonical(u.Host), rest[:i], true
		}
	}
	return "", "", false
}

// Fills reports whether a plan pushes to a registry.
func (p *Plans) Fills(host string) bool { return p.pushed.fills[host] }

// Exact reports whether a repository has the very bytes that it will have outside: plans push there, and
// what they push are files that own knows, or nothing.
func (p *Plans) Exact(host, repository string, own func(path string) bool) bool {
	if !p.Fills(host) || p.pushed.made(host, repository) {
		return false
	}
	for _, u := range p.pushed.uses {
		for _, f := range u.fills {
			pushes := placeHost(f) == host && slices.ContainsFunc(namesOf(f), func(name string) bool { return covers(name, repository) })
			if pushes && (len(u.sources) > 0 || len(u.lists) > 0 || !all(u.reads, own)) {
				return false
			}
		}
	}
	return true
}

func all(paths []string, own func(string) bool) bool {
	return !slices.ContainsFunc(paths, func(path string) bool { return path != "" && !own(path) })
}
