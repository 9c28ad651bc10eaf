package doctor

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/environ"
)

// proxyVariables are what net/http reads: each in upper case, or else in lower case.
var proxyVariables = [...]string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}

// proxies says which proxies the environment names.
func (d *doctor) proxies() []Finding {
	var found []Finding
	for _, name := range proxyVariables {
		value, lower := environ.Variables(d.Environ).Get(name), environ.Variables(d.Environ).Get(strings.ToLower(name))
		switch {
		case value == "" && lower == "":
			continue
		case value == "":
			name, value = strings.ToLower(name), lower
		case lower != "" && lower != value:
			found = append(found, warn("proxy", "let both have the same value: other programs may read the other one", "%s and %s differ, and bayplan takes %s", name, strings.ToLower(name), name))
		}
		if strings.EqualFold(name, "NO_PROXY") {
			found = append(found, ok("proxy", "%s=%s", name, value))
			continue
		}
		found = append(found, proxyVariable(name, value))
	}
	return found
}

// proxyVariable shows a proxy without its login, or says that it is none.
func proxyVariable(name, value string) Finding {
	at, err := url.Parse(value)
	if err != nil || at.Host == "" { // net/http takes HOST:PORT, too
		at, err = url.Parse("http://" + value)
	}
	if err != nil || at.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, at.Scheme) {
		return fail("proxy", "write it as http://HOST:PORT", "%s is not an address of a proxy", name)
	}
	login := ""
	if at.User != nil {
		login = ", with a login"
	}
	return ok("proxy", "%s=%s://%s%s", name, at.Scheme, at.Host, login)
}

// proxyFor gives the proxy through which a server is asked, nil for none.
func (d *doctor) proxyFor(s *server) *url.URL {
	at, err := url.Parse(s.URL)
	if err != nil || s.Endpoint.Address != "" || s.URL == "" {
		return nil
	}
	proxy, err := d.Proxy(&http.Request{URL: at})
	if err != nil {
		return nil // proxies tells
	}
	return proxy
}

// proxyOf says through which proxy a server is asked. One in a private network is hardly
// ever meant to be.
func (d *doctor) proxyOf(ctx context.Context, s *server) []Finding {
	proxy := d.proxyFor(s)
	if proxy == nil {
		return nil
	}
	if host := hostOnly(s.URL); isPrivate(ctx, host) {
		return []Finding{warn("proxy", "add "+host+" to NO_PROXY, if it is reached directly", "asked through the proxy %s, though it is in a private network", proxy.Host)}
	}
	return []Finding{ok("proxy", "asked through the proxy %s", proxy.Host)}
}

// isPrivate reports whether all addresses of a host are those of private networks. A name
// without a dot is known in its own network only.
func isPrivate(ctx context.Context, host string) bool {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return !strings.Contains(host, ".") && !strings.Contains(host, ":")
	}
	return !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !a.IsPrivate() && !a.IsLoopback() })
}
