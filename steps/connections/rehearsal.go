package connections

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// refusesOthers reports whether servers without a connection must not be asked. A file
// that replaces a plan's connections by embedded ones is for a rehearsal. There a server
// that it does not name was forgotten.
func (s *Set) refusesOthers(p *plan.Plan) bool {
	switch {
	case p.ConnectionsFile == "" || p.OtherServers == "allow":
		return false
	case p.OtherServers == "refuse":
		return true
	}
	return slices.ContainsFunc(s.registries, func(r namedRegistry) bool { return r.Embedded != nil }) ||
		slices.ContainsFunc(s.clouds, func(c namedCloud) bool { return c.Embedded != nil }) ||
		slices.ContainsFunc(s.hosts, func(h namedHost) bool { return h.Embedded != nil })
}

// CheckAsked finds the servers that steps ask and that must not be asked, since the file
// of connections does not name them.
func (s *Set) CheckAsked(asked []runner.Asked) plan.Errors {
	var errs plan.Errors
	if !s.only {
		return nil
	}
	for _, a := range asked {
		if a.Named || len(a.Hosts) == 0 || slices.ContainsFunc(a.Hosts, func(host string) bool { return s.has(a.Kind, host) }) {
			continue
		}
		e := a.Step.With.Errorf(a.Field, "%s", s.refusal(string(a.Kind)+" "+a.Hosts[0]))
		e.Hint = s.refusalHint("connections." + sectionOf(a.Kind))
		errs = append(errs, e)
	}
	return errs
}

// CheckRegistries gives a mistake for each registry that the command line names, by its host, and
// that must not be asked. A nil Set has no connections, and forbids nothing.
func (s *Set) CheckRegistries(hosts ...string) plan.Errors {
	var errs plan.Errors
	for _, host := range hosts {
		if s != nil && s.only && !s.has(runner.RegistryServer, host) {
			errs = append(errs, &plan.Error{File: "command line", Msg: s.refusal("registry " + host), Hint: s.refusalHint("connections.registries")})
		}
	}
	return errs
}

func sectionOf(kind runner.ServerKind) string {
	if kind == runner.RegistryServer {
		return "registries"
	}
	return string(kind) + "s"
}

// has reports whether a host has a connection of a kind.
func (s *Set) has(kind runner.ServerKind, host string) bool {
	if kind == runner.RegistryServer {
		_, ok := s.byHost(host)
		return ok
	}
	return s.hostAt(host) >= 0
}

// sameServer reports whether two hosts of URLs are the same, with or without a default
// port.
func sameServer(a, b string) bool {
	return hostname.Same(a, b, "https") || hostname.Same(a, b, "http")
}

func (s *Set) refusal(what string) string {
	return fmt.Sprintf("%s is not among the connections of %s, so it is not asked", what, s.file)
}

func (s *Set) refusalHint(section string) string {
	return fmt.Sprintf("name it there under %s, or write others: allow into that file", section)
}

// CheckOthers gives an error if servers that are no connections must not be asked. what says
// who they are.
func (s *Set) CheckOthers(what string) error {
	if s != nil && s.inside {
		return fmt.Errorf("%s are not asked: a rehearsal asks nobody outside", what)
	}
	if s == nil || !s.only {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s are not among the connections of %s, so they are not asked", what, s.file),
		"write others: allow into that file, or leave this step out of the rehearsal")
}

// refuseOther gives the error for a host that none of the clients has settings for. A
// redirect may lead to it, or a registry may send there for a token. The host of a real
// connection of another kind may be asked, and so may the realms of a real registry.
func (s *Set) refuseOther(host string) error {
	for i, r := range s.registries {
		realm := slices.ContainsFunc(r.Realms, func(realm string) bool { return sameServer(realm, host) })
		if r.Embedded == nil && (realm || s.known.Find(host) == i) {
			return nil
		}
	}
	if i := s.hostAt(host); i >= 0 && s.hosts[i].Embedded == nil {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s", s.refusal(host)), s.refusalHint("connections"))
}
