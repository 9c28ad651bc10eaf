package plan

import (
	"cmp"
	"slices"
	"strconv"
)

// A Masked is a text that is secret, or a part of it. It compares as any other text, and is printed with
// [redacted] or a reference in place of what is secret.
type Masked struct{ text, shown string }

// String returns what may be shown.
func (m Masked) String() string { return m.shown }

// MarshalText returns what may be shown.
func (m Masked) MarshalText() ([]byte, error) { return []byte(m.shown), nil }

// Settings returns what the plan says, to compare it with another plan: mappings, lists and
// texts, with a Masked where a text may be a secret. Variables are replaced; references to
// outputs and secrets stand as they are written, and so do the variables of the plan. A step
// that is off has a setting off, which says why. What has no effect is left out: comments, the
// order of steps, and in which file something stands.
func (p *Plan) Settings() map[string]any {
	all := map[string]any{"name": p.Name}
	for kind, list := range map[string][]Connection{"registries": p.Registries, "clouds": p.Clouds, "hosts": p.Hosts} {
		for _, c := range list {
			all["connections."+kind+"."+c.Name] = c.Body.settings()
		}
	}
	for _, s := range p.secrets {
		at := map[string]any{"env": s.env}
		if s.env == "" {
			at = map[string]any{"file": s.file}
		}
		all["secrets."+s.name] = at
	}
	for _, s := range slices.Concat(p.Steps, p.Off) {
		all["steps."+s.ID] = s.settings()
	}
	for _, scope := range p.scopes {
		for name, v := range scope.vars {
			all["vars."+name] = v.node.settings()
		}
	}
	if p.OtherServers != "" {
		all["others"] = p.OtherServers
	}
	all["defaults"] = map[string]any{"spool": strconv.FormatInt(p.Spool, 10)}
	return all
}

// settings gives what a step says. Its configuration has names of its own there: no other
// setting contains "with.".
func (s *Step) settings() map[string]any {
	all := map[string]any{"type": s.Type, "site": s.Site, "timeout": s.Timeout.String(), "retry": strconv.Itoa(s.Retry), "when": s.When}
	if s.Off != "" {
		all["off"] = s.Off
	}
	needs := []any{}
	for _, n := range s.Needs {
		needs = append(needs, n.ID)
	}
	all["needs"] = needs
	for name, value := range s.With.settings() {
		all["with."+name] = value
	}
	return all
}

// settings gives what a body says.
func (b Body) settings() map[string]any {
	all := map[string]any{}
	if b.root != nil {
		for _, e := range b.root.entries {
			all[e.key] = e.value.settings()
		}
	}
	return all
}

func (n *node) settings() any {
	switch {
	case n.kind == isMapping:
		return Body{root: n}.settings()
	case n.kind == isSequence:
		list := make([]any, len(n.items))
		for i, it := range n.items {
			list[i] = it.settings()
		}
		return list
	}
	text := n.text
	if n.parts != nil {
		text = writtenText(n.parts)
	}
	if n.sensitive && n.secret == nil && text != "" {
		return Masked{text, cmp.Or(n.shown, redacted)}
	}
	return text
}

// writtenText gives a text as it stands in the plan, with its variables replaced.
func writtenText(parts []part) string {
	text := ""
	for _, p := range parts {
		text += p.lit
		if p.ref != nil {
			text += p.ref.String()
		}
	}
	return text
}
