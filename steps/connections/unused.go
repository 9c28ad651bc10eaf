package connections

import (
	"net"
	"net/netip"
	"slices"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Unused gives a warning for each connection of the plan that no step uses. Files that it
// includes may have more, for other plans. A file that
// replaces the plan's connections may have more of them than one plan needs. While only
// a run knows which registries or web servers a step asks, a connection of that kind has
// a warning only if its host looks like a misspelling of one that a step asks.
func (s *Set) Unused(p *plan.Plan, asked []runner.Asked) plan.Errors {
	var warnings plan.Errors
	consider := func(c plan.Connection, kind runner.ServerKind, host string) {
		if u := s.usesOf(kind, c.Name, asked); !u.used && !c.Included {
			warnings = append(warnings, s.unused(c, kind, host, u)...)
		}
	}
	for i, c := range p.Registries {
		consider(c, runner.RegistryServer, s.registries[i].Host)
	}
	for _, c := range p.Clouds {
		consider(c, runner.CloudServer, "")
	}
	for i, c := range p.Hosts {
		consider(c, runner.WebServer, s.hosts[i].Host)
	}
	return warnings
}

// uses are how steps use a connection.
type uses struct {
	used   bool
	late   bool     // only a run knows all servers of its kind
	others []string // hosts of its kind that steps ask
}

func (s *Set) usesOf(kind runner.ServerKind, name string, asked []runner.Asked) uses {
	var u uses
	for _, a := range asked {
		switch {
		case a.Kind != kind:
		case a.Name != "":
			u.used = u.used || a.Name == name
		case len(a.Hosts) == 0:
			u.late = true
		default:
			u.used = u.used || slices.Contains(a.Hosts, name) || slices.ContainsFunc(a.Hosts, func(h string) bool { return s.connectionOf(kind, h) == name })
			u.others = append(u.others, a.Hosts...)
		}
	}
	return u
}

// connectionOf gives the name of the connection that a host finds, "" for none.
func (s *Set) connectionOf(kind runner.ServerKind, host string) string {
	if kind == runner.RegistryServer {
		r, _ := s.byHost(host)
		return r.name
	}
	if i := s.hostAt(host); i >= 0 {
		return s.hosts[i].name
	}
	return ""
}

// unused gives the warning for a connection that no step is known to use, or none.
func (s *Set) unused(c plan.Connection, kind runner.ServerKind, host string, u uses) plan.Errors {
	var without []string // hosts without a connection of their own
	for _, other := range u.others {
		if !s.has(kind, other) {
			without = append(without, other)
		}
	}
	near := human.Suggest(host, without)
	if i := slices.IndexFunc(without, func(other string) bool { return !isAddress(host) && human.OneEdit(host, other) }); i >= 0 {
		near = without[i]
	} else if u.late {
		return nil
	}
	if s.file != "" && near == "" {
		return nil
	}
	w := c.Body.Errorf("", "no step uses the %s %q", kind, c.Name)
	if near != "" {
		w = c.Body.Errorf("host", "no step asks %s", host)
		w.Hint = "did you mean " + near + "?"
	}
	return plan.Errors{w}
}

// isAddress reports whether a host is an IP address: two that are alike are no
// misspelling.
func isAddress(host string) bool {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
