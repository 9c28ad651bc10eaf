// Package hostname says which texts name the same server, and which name the same
// container registry: letter case, a dot at the end, the forms of an IPv6 address,
// default ports and the names of Docker Hub do not matter. It does not know what a
// server is asked for, and asks none.
package hostname

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Normal gives one spelling for a host or host:port: lower case, no dot at the end,
// the short form of an IPv6 address in brackets, and no zeros before the port.
func Normal(host string) string {
	name, port := split(host)
	return join(name, port)
}

// split gives the normal name and port of a host, and "" for a missing port.
func split(host string) (name, port string) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i > 0 && (host[i-1] == ']' || !strings.Contains(host[:i], ":")) {
		name, port = host[:i], host[i+1:]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ip.String(), port
	}
	return strings.TrimSuffix(strings.ToLower(name), "."), port
}

// join is the reverse of split.
func join(name, port string) string {
	if _, err := netip.ParseAddr(name); err == nil && strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" {
		return name
	}
	return name + ":" + port
}

// defaultPort is the port of a URL that names none.
func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

// Same reports whether two texts name the same server for URLs of a scheme.
func Same(a, b, scheme string) bool { return withPort(a, scheme) == withPort(b, scheme) }

func withPort(host, scheme string) string {
	name, port := split(host)
	if port == "" {
		port = defaultPort(scheme)
	}
	return join(name, port)
}

// Origin gives the server that a URL names: its scheme, host and port in one
// spelling.
func Origin(u *url.URL) string { return u.Scheme + "://" + withPort(u.Host, u.Scheme) }

// Find gives the entry for the host of a URL from a map whose keys are normal. The
// key and the URL may each omit the default port of the scheme. A key may be a pattern,
// which counts where no key is the host itself.
func Find[T any](entries map[string]T, u *url.URL) (T, bool) {
	name, port := split(u.Host)
	found, ok := entries[join(name, port)]
	if ok {
		return found, true
	}
	switch standard := defaultPort(u.Scheme); port {
	case "":
		found, ok = entries[join(name, standard)]
	case standard:
		found, ok = entries[join(name, "")]
	}
	if !ok {
		return findPattern(entries, u)
	}
	return found, ok
}

// findPattern gives the entry whose pattern the host of a URL matches with the most
// literal characters.
func findPattern[T any](entries map[string]T, u *url.URL) (found T, ok bool) {
	best := ""
	for key, entry := range entries {
		pattern := withPort(key, u.Scheme)
		if IsPattern(key) && matches(pattern, withPort(u.Host, u.Scheme)) && (!ok || literals(pattern) > literals(best)) {
			found, ok, best = entry, true, pattern
		}
	}
	return found, ok
}
