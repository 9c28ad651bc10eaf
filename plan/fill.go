package plan

import (
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/redact"
)

// A refRules says which references a value may hold. References to variables are
// always allowed.
type refRules struct {
	secrets bool       // references to secrets are allowed: below connections
	outputs bool       // references to outputs of steps are allowed: below with
	step    *stepEntry // the step in which the value stands; nil elsewhere
	each    *instance  // the instance that the value is for; nil elsewhere
	loop    bool       // the value is for_each
}

// fillBody fills what stands below with or in a connection. Only there does a
// key's name make its value a secret: a step or a connection may have a name such
// as token-registry.
func (r *reader) fillBody(n *node, valuePos Pos, in refRules) {
	n.walk(func(below *node) {
		for _, e := range below.entries {
			markSensitive(e.value, e.key)
		}
	})
	r.fill(n, valuePos, in)
}

// markSensitive marks the values below a secret key. The entries of a mapping auth
// are judged by their own keys: a user name is not a secret.
func markSensitive(n *node, key string) {
	if redact.SurelySecret(key) && (n.kind != isMapping || !strings.EqualFold(key, "auth")) {
		n.walk(func(below *node) { below.sensitive = true })
	}
}

// fill replaces the variables in a value and in all values below it, checks the
// other references, and refuses secrets in plain text. valuePos is where the
// value is written.
func (r *reader) fill(n *node, valuePos Pos, in refRules) {
	for _, e := range n.entries {
		r.fill(e.value, e.valuePos, in)
	}
	for _, it := range n.items {
		r.fill(it, it.pos, in)
	}
	if n.kind != isScalar || n.reported || n.null || r.plaintextSecret(n, valuePos) || len(n.marks) == 0 {
		return
	}
	ok := true
	parts := splitRefs(n, func(p Pos, c *problem) { ok = r.failWith(p, c) })
	for _, p := range parts {
		if p.ref != nil && !r.checkRef(n, p.ref, in, wholeRef(parts) != nil) {
			ok = false
		}
	}
	if n.reported = !ok; n.reported {
		return
	}
	if ref := wholeRef(parts); ref != nil && ref.head == "vars" && r.fillForm(n, ref) {
		return
	}
	n.parts = r.replaceTexts(n, parts, in)
	if len(n.parts) == 1 && n.parts[0].ref == nil {
		n.text, n.parts = n.parts[0].lit, nil
	}
}

// plaintextSecret adds a mistake for a secret that is written into the file. The
// message does not quote it. A value under a secret key may only be a reference
// to a secret or to a step output, or true or false.
func (r *reader) plaintextSecret(n *node, valuePos Pos) bool {
	if !n.sensitive || n.text == "" || n.yamlType == "true or false" {
		return false
	}
	only := wholeRef(splitRefs(n, func(Pos, *problem) {}))
	if only != nil && (only.head == "steps" || only.head == "secrets") && strings.HasPrefix(n.text, "${") {
		return false
	}
	if len(r.errs) < maxErrors {
		r.src.hide(n.text)
	}
	n.reported = true
	r.fail(valuePos, "write ${secrets.NAME} here, and say where to find it under secrets: NAME: {env: VARIABLE}",
		"a secret must not be written into a plan")
	return true
}

// checkRef checks one reference of a value and looks up secrets.
func (r *reader) checkRef(n *node, ref *reference, in refRules, alone bool) bool {
	switch ref.head {
	case "vars":
		return true // replaceTexts looks it up
	case "each":
		return in.step != nil && in.step.repeated || r.fail(ref.pos, "", "%s stands only in with, site and when of a step with for_each", ref)
	case "secrets":
		return r.checkSecret(n, ref, in, alone)
	}
	return r.checkStepRef(ref, in)
}

func (r *reader) checkSecret(n *node, ref *reference, in refRules, alone bool) bool {
	name := ref.names[0]
	if !in.secrets {
		return r.fail(ref.pos, "", "references to secrets are only allowed below connections")
	}
	if !alone {
		return r.fail(ref.pos, "", "a reference to a secret must be the whole value")
	}
	if n.secret = r.secrets[name]; n.secret == nil && !slices.ContainsFunc(r.secretNames, func(known string) bool { return underscored(known) == name }) {
		return r.fail(ref.pos, r.didYouMean(name, r.secretNames), "there is no secret %q", name)
	}
	if n.secret == nil {
		return false // the mistake in the secret is reported
	}
	n.secret.used = true
	return true
}

// fillForm puts the list or the mapping of a variable in place of a reference that
// is a whole value. It reports whether it has dealt with the node.
func (r *reader) fillForm(n *node, ref *reference) bool {
	value, ok := r.lookup(ref, nil)
	if n.reported = !ok || value.kind != isScalar && !r.grow(n.pos, value.size()); n.reported {
		return true
	}
	if value.kind == isScalar {
		return false
	}
	n.kind, n.sensitive, n.yamlType, n.plain = value.kind, n.sensitive || redact.SurelySecret(ref.names[0]), "", false
	for _, it := range value.items {
		text := &node{src: n.src, pos: n.pos, text: it.text, filled: true, sensitive: n.sensitive}
		if value.kind == isSequence {
			n.items = append(n.items, text)
			continue
		}
		if markSensitive(text, it.key); r.plaintextSecret(text, n.pos) {
			n.reported = true
		}
		n.entries = append(n.entries, entry{key: it.key, keyPos: n.pos, valuePos: n.pos, value: text})
	}
	return true
}

// replaceTexts replaces references to variables and to the instance by their
// values, and joins the literal parts.
func (r *reader) replaceTexts(n *node, parts []part, in refRules) []part {
	var out []part
	var lit, shown strings.Builder
	for _, p := range parts {
		before := lit.Len()
		secret := p.ref != nil && p.ref.head == "vars" && slices.ContainsFunc(p.ref.names, redact.SurelySecret)
		switch {
		case p.ref == nil:
			lit.WriteString(p.lit)
		case p.ref.head == "vars", p.ref.head == "each" && !in.each.unknown:
			value, ok := r.textOf(p.ref, in)
			if !ok || !r.countText(n.pos, lit.Len()+len(value)) {
				n.reported = true
				continue
			}
			n.filled, n.sensitive = true, n.sensitive || secret
			lit.WriteString(value)
		default:
			if lit.Len() > 0 {
				out = append(out, part{lit: lit.String()})
				lit.Reset()
			}
			out, secret = append(out, p), true
		}
		if secret {
			shown.WriteString(p.ref.String())
		} else {
			shown.WriteString(lit.String()[before:])
		}
	}
	n.shown = shown.String()
	if lit.Len() > 0 || len(out) == 0 {
		out = append(out, part{lit: lit.String()})
	}
	return out
}

// textOf returns the text that a reference to a variable or to the instance stands
// for.
func (r *reader) textOf(ref *reference, in refRules) (string, bool) {
	switch {
	case ref.head == "vars":
		return r.lookupText(ref, nil)
	case ref.names[0] == "key":
		return in.each.key, true
	}
	return in.each.value, true
}

// plainText returns a text outside of bodies with its variables replaced.
func (r *reader) plainText(n *node, name, key string) (string, bool) {
	return r.filledText(n, name, key, refRules{})
}

// filledText is plainText for places where more than variables may stand.
func (r *reader) filledText(n *node, name, key string, in refRules) (string, bool) {
	if n == nil || n.reported {
		return "", false
	}
	r.fill(n, n.pos, in)
	if n.reported {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	if wrong != nil {
		return "", r.failWith(n.pos, wrong)
	}
	return text, true
}

// fixedText returns a text that must not hold references.
func (r *reader) fixedText(n *node, name, key string) (string, bool) {
	if n == nil || n.reported {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	switch {
	case wrong != nil:
		return "", r.failWith(n.pos, wrong)
	case len(n.marks) > 0:
		return "", r.fail(n.mark(0), "", "%s cannot hold references", name)
	}
	return text, true
}
