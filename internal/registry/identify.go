package registry

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Unknown is the server of a registry that does not identify itself.
const Unknown = "unknown"

// identifyServer finds out which software serves a registry, from its answers
// with and without credentials. It never guesses from the name of the host.
func (c *Client) identifyServer(ctx context.Context, at string, in http.Header, probe wire.Probe) string {
	for _, h := range []http.Header{probe.Header, in} {
		if name := serverOfHeaders(h); name != "" {
			return name
		}
	}
	if name := serverOfChallenge(probe.Header.Get("WWW-Authenticate")); name != "" {
		return name
	}
	if isDistribution(c.wire.Probe(ctx, at+"/v2/-")) {
		return "distribution"
	}
	if says := in.Get("Server"); says != "" {
		return Unknown + " (" + strconv.Quote(says[:min(len(says), 60)]) + ")"
	}
	return Unknown
}

// serverOfHeaders reads the headers in which servers name themselves.
func serverOfHeaders(h http.Header) string {
	says := h.Get("Server")
	product, _, _ := strings.Cut(says, "/")
	switch {
	case h.Get("X-Jfrog-Version") != "" || product == "Artifactory":
		return "Artifactory"
	case product == "Nexus":
		return "Nexus Repository"
	case product == "bayplan":
		return "bayplan"
	case product == "Apache" && h.Get(apiVersion) != "":
		// TripleO serves files with Apache and adds the header, since Stein.
		return "Apache httpd (image-serve)"
	}
	return ""
}

var parameter = lazyregexp.New(`(\w+)="([^"]*)"`)

// serverOfChallenge identifies a server by its challenge: the service of the
// tokens, and the address of the token server.
func serverOfChallenge(challenge string) string {
	says := map[string]string{}
	for _, p := range parameter.FindAllStringSubmatch(challenge, -1) {
		says[p[1]] = p[2]
	}
	realm, err := url.Parse(says["realm"])
	if err != nil {
		realm = &url.URL{}
	}
	switch service := says["service"]; {
	case service == "harbor-registry":
		return "Harbor"
	case service == "registry.docker.io":
		return "Docker Hub"
	case service == "ghcr.io":
		return "GitHub"
	case service == "ecr.amazonaws.com":
		return "Amazon ECR"
	case service == "container_registry" && realm.Path == "/jwt/auth":
		return "GitLab"
	case service == "container_registry" && realm.Path == "/v2/token":
		return "Gitea or Forgejo"
	case realm.Path == "/v2/token" && says["scope"] == "repository:registry:pull,push":
		return "Satellite or Katello"
	case realm.Path == "/v2/auth" && service == realm.Host && service != "":
		return "Quay"
	case realm.Path == "/openshift/token":
		return "OpenShift"
	}
	return ""
}

// isDistribution identifies the reference implementation, docker-registry, by
// its answer for an unknown path: a registry's header with the text of Go's
// library.
func isDistribution(p wire.Probe) bool {
	return p.Status == http.StatusNotFound && p.Header.Get(apiVersion) == "registry/2.0" &&
		strings.TrimSpace(p.Body) == "404 page not found"
}
