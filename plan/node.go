package plan

import (
	"slices"
	"strconv"
	"strings"
)

// A kind is the kind of a YAML node.
type kind uint8

const (
	isScalar kind = iota
	isMapping
	isSequence
)

// String returns the words that messages use for the kind.
func (k kind) String() string {
	return [...]string{"text", "a mapping", "a list"}[k]
}

// A node is a YAML node that does not depend on the YAML library.
type node struct {
	src  *source
	kind kind
	pos  Pos // where it begins

	// A scalar.
	text      string
	plain     bool   // written without quotes
	yamlType  string // what YAML reads it as, such as "a number"; "" for text
	null      bool
	tag       bool   // marked as text by !!str
	sensitive bool   // stands under a secret key, or holds a secret variable, so no message quotes it
	shown     string // of a sensitive one: with the references to secret variables; "" if all of it is secret
	marks     []Pos  // the places of each ${ in text, in order

	// A scalar with references, after fill.
	parts  []part        // literals and references to steps
	filled bool          // holds the value of a variable
	secret *secretSource // the scalar is a reference to this secret

	entries []entry // of a mapping, in file order
	items   []*node // of a sequence

	reported   bool // a mistake in it is reported, so errors that follow from it are not
	incomplete bool // a mapping with an unreadable key, so no key is reported as missing
}

// An entry is a key of a mapping with its value.
type entry struct {
	key      string
	keyPos   Pos
	valuePos Pos // where the value is written: for an alias, the alias
	value    *node
}

// walk calls f for the node and all nodes below it, in file order.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, e := range n.entries {
		e.value.walk(f)
	}
	for _, it := range n.items {
		it.walk(f)
	}
}

// copy makes a deep copy. Each alias gets a copy of its anchor's value, because
// filling changes nodes.
func (n *node) copy() *node {
	c := *n
	c.entries = append([]entry(nil), n.entries...)
	for i := range c.entries {
		c.entries[i].value = c.entries[i].value.copy()
	}
	c.items = append([]*node(nil), n.items...)
	for i := range c.items {
		c.items[i] = c.items[i].copy()
	}
	return &c
}

// copyMarked makes a copy for an instance of a repeated step. What holds no
// references is the same for all instances, so they share it. copied is the number
// of new nodes.
func (n *node) copyMarked() (c *node, copied int) {
	own, changed := *n, len(n.marks) > 0
	for i, e := range n.entries {
		below, count := e.value.copyMarked()
		if copied += count; count > 0 {
			if &own.entries[0] == &n.entries[0] {
				own.entries = slices.Clone(n.entries)
			}
			own.entries[i].value, changed = below, true
		}
	}
	for i, it := range n.items {
		below, count := it.copyMarked()
		if copied += count; count > 0 {
			if &own.items[0] == &n.items[0] {
				own.items = slices.Clone(n.items)
			}
			own.items[i], changed = below, true
		}
	}
	if !changed {
		return n, 0
	}
	return &own, copied + 1
}

// describe returns the words that messages use for what the node is.
func (n *node) describe() string {
	switch {
	case n.null:
		return "empty"
	case n.kind == isScalar && n.yamlType != "":
		return n.yamlType
	}
	return n.kind.String()
}

// quoted returns a text of the node (its own, or one with references replaced)
// as a message may show it: quoted, shortened, and redacted if it is sensitive.
func (n *node) quoted(text string) string {
	switch {
	case n.sensitive && n.shown == "":
		return redacted
	case n.sensitive:
		return strconv.Quote(n.shown)
	case len(text) > 60:
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	return strconv.Quote(text)
}
