package plan

import (
	"slices"
	"strings"
)

// A setting says which references may stand in the values of a body.
type setting struct {
	secrets bool   // below connections
	step    string // below steps.ID.with: the ID; "" elsewhere
}

// fillBody fills what stands below with or in a connection. Only there is a
// key's name a reason to take its value for a secret: a step or a connection
// may be called token-registry.
func (r *reader) fillBody(n *node, at Pos, in setting) {
	n.walk(func(below *node) {
		for _, e := range below.entries {
			hush(e.value, e.key)
		}
	})
	r.fill(n, at, in)
}

// hush marks what stands below a secret key. The entries of auth are looked at
// by their own keys: a user's name is no secret.
func hush(n *node, key string) {
	if secretKey(key) && (n.kind != isMapping || !strings.EqualFold(key, "auth")) {
		n.walk(func(below *node) { below.hush = true })
	}
}

// fill replaces the variables in a value and all below it, checks the other
// references, and refuses secrets that are written out. at is where the value
// is written.
func (r *reader) fill(n *node, at Pos, in setting) {
	for _, e := range n.entries {
		r.fill(e.value, e.at, in)
	}
	for _, it := range n.items {
		r.fill(it, it.pos, in)
	}
	if n.kind != isScalar || n.bad || n.null || r.writtenOut(n, at) || len(n.marks) == 0 {
		return
	}
	ok := true
	parts := splitRefs(n, func(p Pos, c *complaint) { ok = r.complain(p, c) })
	for _, p := range parts {
		if p.ref != nil && !r.allowed(n, p.ref, in, whole(parts) != nil) {
			ok = false
		}
	}
	if n.bad = !ok; n.bad {
		return
	}
	n.parts = r.replace(n, parts)
	if len(n.parts) == 1 && n.parts[0].ref == nil {
		n.text, n.parts = n.parts[0].lit, nil
	}
}

// writtenOut reports a secret that stands in the file, without quoting it.
// What is under a secret key may only be a reference to a secret or to a step;
// true and false are no secrets.
func (r *reader) writtenOut(n *node, at Pos) bool {
	if !n.hush || n.text == "" || n.reads == "true or false" {
		return false
	}
	only := whole(splitRefs(n, func(Pos, *complaint) {}))
	if only != nil && only.head != "vars" && strings.HasPrefix(n.text, "${") {
		return false
	}
	if len(r.errs) < maxErrors {
		r.src.hide(n.text)
	}
	n.bad = true
	r.fail(at, "write ${secrets.NAME} here, and where to find it under secrets: NAME: {env: VARIABLE}",
		"a secret must not be written into a plan")
	return true
}

// allowed checks one reference of a value, and looks secrets up.
func (r *reader) allowed(n *node, ref *reference, in setting, alone bool) bool {
	name := ref.names[0]
	switch ref.head {
	case "vars":
		return true // replace looks it up
	case "secrets":
		if !in.secrets {
			return r.fail(ref.pos, "", "secrets may only be named below connections")
		}
		if !alone {
			return r.fail(ref.pos, "", "a reference to a secret must be the whole value")
		}
		if n.secret = r.secrets[name]; n.secret == nil && !slices.Contains(r.names, name) {
			return r.fail(ref.pos, r.nearest(name, r.names), "there is no secret %q", name)
		}
		return true
	}
	switch {
	case in.step == "":
		return r.fail(ref.pos, "", "outputs of steps may only be named below the with of a step")
	case name == in.step:
		return r.fail(ref.pos, "", "step %q refers to an output of its own", name)
	case !r.isStep[name]:
		return r.fail(ref.pos, r.nearest(name, r.steps), "there is no step %q", name)
	}
	return true
}

// replace puts the variables' values in, and joins the literal parts.
func (r *reader) replace(n *node, parts []part) []part {
	var out []part
	var lit strings.Builder
	for _, p := range parts {
		switch {
		case p.ref == nil:
			lit.WriteString(p.lit)
		case p.ref.head == "vars":
			value, ok := r.lookup(p.ref, nil)
			if !ok || !r.grown(n.pos, lit.Len()+len(value)) {
				n.bad = true
				continue
			}
			n.filled = true
			n.hush = n.hush || secretKey(p.ref.names[0])
			lit.WriteString(value)
		default:
			if lit.Len() > 0 {
				out = append(out, part{lit: lit.String()})
				lit.Reset()
			}
			out = append(out, p)
		}
	}
	if lit.Len() > 0 || len(out) == 0 {
		out = append(out, part{lit: lit.String()})
	}
	return out
}

// plainText gives a text outside of bodies, with its variables replaced.
func (r *reader) plainText(n *node, name, key string) (string, bool) {
	if n == nil || n.bad {
		return "", false
	}
	r.fill(n, n.pos, setting{})
	if n.bad {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	if wrong != nil {
		return "", r.complain(n.pos, wrong)
	}
	return text, true
}

// fixedText gives a text that may hold no references.
func (r *reader) fixedText(n *node, name, key string) (string, bool) {
	if n == nil || n.bad {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	switch {
	case wrong != nil:
		return "", r.complain(n.pos, wrong)
	case len(n.marks) > 0:
		return "", r.fail(n.mark(0), "", "%s cannot hold references", name)
	}
	return text, true
}
