package plan

import (
	"strconv"
	"strings"
)

// A kind is what a piece of YAML is.
type kind uint8

const (
	isScalar kind = iota
	isMapping
	isSequence
)

// String names the kind in the words that messages use.
func (k kind) String() string {
	return [...]string{"text", "a mapping", "a list"}[k]
}

// A node is a piece of YAML, free of the library that read it.
type node struct {
	src  *source
	kind kind
	pos  Pos // where it begins

	// A scalar.
	text  string
	plain bool   // written without quotes
	reads string // what YAML takes it for where that is not text: "a number"
	null  bool
	tag   bool  // marked as text by !!str
	hush  bool  // it stands under a secret key, so no message quotes it
	marks []Pos // the places of the ${ in text, in order

	// What the references in it came to, once resolved.
	parts  []part
	filled bool          // a variable's value is in it
	secret *secretSource // it is a reference to this secret

	entries []entry // of a mapping, in file order
	items   []*node // of a sequence

	bad  bool // a mistake in it was reported; what follows from that is not
	torn bool // of a mapping: a key could not be read, so none is missing
}

// An entry is a key of a mapping with its value.
type entry struct {
	key    string
	keyPos Pos
	at     Pos // where the value is written: for an alias, the alias
	value  *node
}

// walk calls f for the node and all below it, in file order.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, e := range n.entries {
		e.value.walk(f)
	}
	for _, it := range n.items {
		it.walk(f)
	}
}

// copy makes a deep copy, so that what a place makes of an anchored value does
// not show at another.
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

// is says what a node is in the words of a message.
func (n *node) is() string {
	switch {
	case n.null:
		return "empty"
	case n.kind == isScalar && n.reads != "":
		return n.reads
	}
	return n.kind.String()
}

// quoted gives a scalar's text, or what its references came to, as a message
// may show it.
func (n *node) quoted(text string) string {
	switch {
	case n.hush:
		return redacted
	case len(text) > 60:
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	return strconv.Quote(text)
}
