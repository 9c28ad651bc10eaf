package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
)

// A challenge is what a registry asks for with 401, as RFC 9110 writes it.
type challenge struct {
	scheme string // in lower case: basic, bearer
	params map[string]string
}

// challenges reads all WWW-Authenticate headers. It leaves out what it cannot
// read.
func challenges(h http.Header) []challenge {
	var all []challenge
	for _, line := range h.Values("WWW-Authenticate") {
		for line = strings.TrimLeft(line, " ,"); line != ""; line = strings.TrimLeft(line, " ,") {
			var c challenge
			if c, line = cutChallenge(line); c.scheme == "" {
				break
			}
			all = append(all, c)
		}
	}
	return all
}

// cutChallenge reads the scheme and its parameters off the front of a header.
func cutChallenge(s string) (challenge, string) {
	end := strings.IndexAny(s, " ,")
	if end < 0 {
		return challenge{scheme: strings.ToLower(s)}, ""
	}
	c := challenge{strings.ToLower(s[:end]), map[string]string{}}
	s = s[end:]
	for {
		rest := strings.TrimLeft(s, " ,")
		key, after, ok := strings.Cut(rest, "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, " ,\"") {
			return c, rest // the next challenge's scheme
		}
		var value string
		value, s = cutValue(strings.TrimLeft(after, " "))
		c.params[strings.ToLower(key)] = value
	}
}

// cutValue reads a token or a quoted string off the front of s.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexAny(s, " ,"); i >= 0 {
			return s[:i], s[i:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// maxScopes is the number of scopes that a challenge may ask for.
const maxScopes = 16

// scopes lists the scopes that a challenge asks for.
func (c challenge) scopes() []string {
	all := strings.Fields(c.params["scope"])
	return all[:min(len(all), maxScopes)]
}

// errRealm says that a registry sends credentials to a place that is not
// trusted.
var errRealm = errors.New("its token server is not trusted")

// realm gives the address of the token server. A registry that could choose it
// freely could have credentials sent anywhere, and requests sent to any server
// inside the network. So the realm must be the registry itself, or be listed in
// the connection, or speak TLS outside of private networks.
func (a *auth) realm(ctx context.Context, p *Target, c challenge) (*url.URL, error) {
	base, err := url.Parse(p.Origin)
	if err != nil {
		return nil, err
	}
	u, err := base.Parse(c.params["realm"])
	if err != nil || c.params["realm"] == "" || u.Host == "" {
		return nil, fmt.Errorf("%s: %w: it names none that can be read", p.Host, errRealm)
	}
	if a.refused != nil { // before its name is looked up
		if err := a.refused(u); err != nil {
			return nil, err
		}
	}
	if why := a.untrusted(ctx, p, u); why != "" {
		err := fmt.Errorf("%s: %w: it names %s://%s, which %s", p.Host, errRealm, u.Scheme, u.Host, why)
		if a.untrusted(ctx, p.withRealm(u.Host), u) != "" {
			return nil, err // a list of realms would not change that
		}
		return nil, fault.WithHint(err, fmt.Sprintf("if that is right, write realms: [%q] into the connection with host: %s", u.Host, p.Host))
	}
	u.User = nil
	return u, nil
}

// withRealm adds a host to the realms that are trusted.
func (p Target) withRealm(host string) *Target {
	p.Realms = append(slices.Clone(p.Realms), host)
	return &p
}

// untrusted says why a realm is not trusted, "" where it is.
func (a *auth) untrusted(ctx context.Context, p *Target, u *url.URL) string {
	listed := slices.ContainsFunc(p.Realms, func(host string) bool { return hostname.Same(host, u.Host, u.Scheme) })
	clear := strings.HasPrefix(p.Origin, "http://")
	switch {
	case hostname.Origin(u) == p.Origin:
		return ""
	case u.Scheme != "https" && (u.Scheme != "http" || !clear || !listed):
		return "does not speak TLS"
	case listed:
		return ""
	case a.private(ctx, u.Hostname()):
		return "is in a private network"
	}
	return ""
}

// private says whether a host is outside of the public network. A name without
// an address counts as public: connecting to it will fail.
func (a *auth) private(ctx context.Context, host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return privateAddr(ip)
	}
	if name := hostname.Normal(host); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addrs, err := a.lookup(ctx, "ip", host)
	return err == nil && slices.ContainsFunc(addrs, privateAddr)
}

// carrierGrade is the shared address space of RFC 6598.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func privateAddr(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || carrierGrade.Contains(ip)
}
