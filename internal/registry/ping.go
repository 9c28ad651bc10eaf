package registry

import (
	"context"
	"net/http"
	"strings"

	"github.com/regclient/regclient/types/ref"
)

// A PingResult is the answer of a registry to Ping.
type PingResult struct {
	Server string // the software that serves it, or Unknown with its Server header
	Asks   bool   // it asks for credentials
	Login  bool   // it has accepted credentials
}

// Ping asks whether a host speaks the registry API and accepts requests, with
// credentials if it asks for them. It prefers the credentials for the repositories that
// are named.
func (c *Client) Ping(ctx context.Context, host string, repositories ...string) (PingResult, error) {
	if host == "" {
		return PingResult{}, errEmptyHost
	}
	r := ref.Ref{Scheme: "reg", Registry: c.registries.Name(host)}
	for _, name := range repositories {
		if _, err := c.target(ctx, ref.Ref{Scheme: "reg", Registry: r.Registry, Repository: name}); err != nil {
			return PingResult{}, err
		}
	}
	var header http.Header
	err := c.call(ctx, r, func(ctx context.Context) error {
		pong, err := c.pull(r).Ping(ctx, r)
		header = pong.Header
		return err
	})
	if err == nil && !isRegistryAnswer(header) || KindOf(err) == NotFound {
		err = c.noRegistry(host)
	}
	if err != nil {
		return PingResult{}, err
	}
	p, err := c.target(ctx, r)
	if err != nil {
		return PingResult{}, err
	}
	at := p.Origin
	probe := c.wire.Probe(ctx, at+"/v2/")
	asks := probe.Status == http.StatusUnauthorized
	return PingResult{Server: c.identifyServer(ctx, at, header, probe), Asks: asks, Login: asks && !p.Cred.IsZero()}, nil
}

// isRegistryAnswer says whether a good answer to /v2/ comes from a registry.
// The specification asks for the status alone, but web servers with a page for
// every path answer with that status, too.
func isRegistryAnswer(h http.Header) bool {
	return h.Get(apiVersion) != "" || !strings.HasPrefix(h.Get("Content-Type"), "text/html")
}

const apiVersion = "Docker-Distribution-Api-Version"
