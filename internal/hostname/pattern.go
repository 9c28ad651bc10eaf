package hostname

import (
	"errors"
	"fmt"
	"strings"
)

// IsPattern reports whether a host is a pattern: one in which * stands for exactly one
// label, that is the part between two dots, as in registry.*.example.com:5000.
func IsPattern(host string) bool { return strings.Contains(host, "*") }

// CheckPattern is Check for a host that may be a pattern.
func CheckPattern(host string) error {
	if !IsPattern(host) {
		return Check(host)
	}
	name, _ := split(host)
	literal := false
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label != "*" && strings.Contains(label, "*"):
			return fmt.Errorf("%q: a * stands for a whole part between dots", host)
		case label != "*":
			literal = true
		}
	}
	if !literal {
		return errors.New("a * alone would stand for every host")
	}
	return Check(strings.ReplaceAll(host, "*", "x"))
}

// matches reports whether a host with a port matches a pattern with a port.
func matches(pattern, host string) bool {
	if IsPattern(host) {
		return pattern == host
	}
	return overlap(pattern, host)
}

// overlap reports whether one host can match both patterns, which have ports.
func overlap(a, b string) bool {
	aName, aPort := split(a)
	bName, bPort := split(b)
	as, bs := strings.Split(aName, "."), strings.Split(bName, ".")
	if aPort != bPort || len(as) != len(bs) {
		return false
	}
	for i := range as {
		if as[i] != bs[i] && as[i] != "*" && bs[i] != "*" {
			return false
		}
	}
	return true
}

// literals returns how many characters of a pattern are not a *.
func literals(pattern string) int { return len(pattern) - strings.Count(pattern, "*") }

// matches reports whether the registry's host is a pattern that a host matches.
func (r Registry) matches(host string) bool {
	return IsPattern(r.Host) && host != "" && matches(r.key(r.Host), r.key(host))
}

// ties reports whether there can be a host for which neither of two patterns is the
// closer one.
func (r Registry) ties(o Registry) bool {
	a, b := r.key(r.Host), o.key(o.Host)
	return IsPattern(a) && IsPattern(b) && r.Plain == o.Plain && literals(a) == literals(b) && overlap(a, b)
}

// closest gives the place of the registry whose pattern a host matches with the most
// literal characters, -1 for none.
func (all Registries) closest(host string, plain bool) int {
	best := -1
	for i, r := range all {
		if r.Plain == plain && r.matches(host) && (best < 0 || literals(r.key(r.Host)) > literals(all[best].key(all[best].Host))) {
			best = i
		}
	}
	return best
}

// For gives the registry that a host names if it is spoken to as r says: r itself, or one
// of those that its pattern stands for.
func (r Registry) For(host string) Registry {
	if IsPattern(r.Host) {
		r.Host = host
	}
	return r
}

// IsHost reports whether a text that may be the name of a connection is a host: it has a
// dot or a colon, or it is localhost.
func IsHost(text string) bool { return strings.ContainsAny(text, ".:") || text == "localhost" }
