package tripleo

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

type nodeKind uint8

const (
	isNull nodeKind = iota
	isText          // any scalar, as written: 010 stays 010
	isList
	isMap
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// A node is a YAML value. Its scalars are texts, as written in the file.
type node struct {
	kind  nodeKind
	text  string
	items []*node
	pairs []pair
	place Place
}

type pair struct {
	key   string
	value *node
	place Place
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// texts returns the items of a list of texts. what is the list's name in errors.
func (n *node) texts(what string) ([]string, error) {
	if n.kind != isList {
		return nil, n.place.errorf("%s: a list is wanted, this is %s", what, n.kind)
	}
	all := make([]string, len(n.items))
	for i, item := range n.items {
		if item.kind != isText {
			return nil, item.place.errorf("%s: item %d: a name is wanted, this is %s", what, i+1, item.kind)
		}
		all[i] = item.text
	}
	return all, nil
}

// A converter turns the parser's tree into nodes.
type converter struct {
	file    string
	note    func(string) // of keys that are given twice; nil: they are errors
	anchors map[string]*node
}

func (w *converter) node(n ast.Node) (*node, error) {
	if n == nil {
		return &node{place: Place{File: w.file}}, nil
	}
	place := w.place(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		return w.mapping(place, n.Values)
	case *ast.MappingValueNode:
		return w.mapping(place, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return w.list(place, n.Values)
	case *ast.AnchorNode:
		return w.anchor(n)
	case *ast.AliasNode:
		return w.alias(place, n)
	case *ast.TagNode:
		return w.tag(n)
	case *ast.NullNode:
		return &node{place: place}, nil
	case *ast.LiteralNode:
		return &node{kind: isText, text: n.Value.Value, place: place}, nil
	case *ast.StringNode:
		if n.Token.Type == token.StringType && strings.Contains(strings.TrimSpace(n.Token.Origin), "\t") {
			// The library drops the tab, and the tools of TripleO refuse it.
			return nil, place.errorf("a tab stands inside of a text without quotes; quote the text, or write a space")
		}
		return &node{kind: isText, text: n.Value, place: place}, nil
	case ast.ScalarNode:
		// Numbers and booleans: the parsed value no longer says how it was written.
		return &node{kind: isText, text: n.GetToken().Value, place: place}, nil
	}
	return nil, place.errorf("%s is not supported here", n.Type())
}

func (w *converter) place(n ast.Node) Place {
	// The token of a block mapping is its first colon.
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return w.place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return w.place(m.Key)
	}
	at := n.GetToken().Position
	return Place{w.file, at.Line, at.Column}
}

// tag reads a value with a tag. Only !!str matters: it makes a null a text.
func (w *converter) tag(n *ast.TagNode) (*node, error) {
	value, err := w.node(n.Value)
	if err == nil && value.kind == isNull && n.Start.Value == "!!str" {
		value.kind = isText
		if n.Value != nil && n.Value.GetToken().Origin != "" {
			value.text = n.Value.GetToken().Value
		}
	}
	return value, err
}

func (w *converter) anchor(n *ast.AnchorNode) (*node, error) {
	value, err := w.node(n.Value)
	if err == nil {
		w.anchors[n.Name.GetToken().Value] = value
	}
	return value, err
}

func (w *converter) alias(place Place, n *ast.AliasNode) (*node, error) {
	value, ok := w.anchors[n.Value.GetToken().Value]
	if !ok {
		// Do not repeat its name: it may be a password without quotes.
		return nil, place.errorf("a value that begins with * is an alias, and there is no anchor for it before this; quote it if it is meant as text")
	}
	return value, nil
}

func (w *converter) list(place Place, values []ast.Node) (*node, error) {
	list := &node{kind: isList, place: place}
	for _, v := range values {
		item, err := w.node(v)
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, item)
	}
	return list, nil
}

func (w *converter) mapping(place Place, values []*ast.MappingValueNode) (*node, error) {
	m := &node{kind: isMap, place: place}
	seen := map[string]Place{}
	var merged []*node
	for _, v := range values {
		value, err := w.node(v.Value)
		if err != nil {
			return nil, err
		}
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, value)
			continue
		}
		key, err := w.key(v.Key)
		if err != nil {
			return nil, err
		}
		if first, ok := seen[key.text]; ok {
			err := key.place.errorf("the key %q is there twice; the first is in line %d", key.text, first.Line)
			if w.note == nil {
				return nil, err
			}
			w.note(err.Error() + ", and this one counts")
			m.pairs = slices.DeleteFunc(m.pairs, func(p pair) bool { return p.key == key.text })
		}
		seen[key.text] = key.place
		m.pairs = append(m.pairs, pair{key.text, value, key.place})
	}
	return m, m.merge(merged, seen)
}

func (w *converter) key(n ast.MapKeyNode) (*node, error) {
	var inner ast.Node = n
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		inner = explicit.Value
	}
	key, err := w.node(inner)
	if err != nil {
		return nil, err
	}
	if key.kind == isNull && w.note != nil { // YAML allows it, and a tool may ignore it
		return &node{kind: isText, text: inner.GetToken().Value, place: key.place}, nil
	}
	if key.kind != isText {
		return nil, key.place.errorf("a key must be a text, this is %s", key.kind)
	}
	return key, nil
}

// merge adds the pairs of the mappings that "<<" names. Earlier ones override later
// ones, and the mapping's own pairs override all. seen holds its keys.
func (n *node) merge(from []*node, seen map[string]Place) error {
	for _, f := range from {
		switch f.kind {
		case isMap:
			for _, p := range f.pairs {
				if _, there := seen[p.key]; !there {
					seen[p.key] = p.place
					n.pairs = append(n.pairs, p)
				}
			}
		case isList:
			if err := n.merge(f.items, seen); err != nil {
				return err
			}
		default:
			return f.place.errorf("<< takes a mapping or a list of them, this is %s", f.kind)
		}
	}
	return nil
}

// overlaidBy returns n overridden by over: mappings are merged key by key, other
// values are replaced.
func (n *node) overlaidBy(over *node) *node {
	if n == nil || n.kind != isMap || over.kind != isMap {
		return over
	}
	merged := *n
	merged.pairs = nil
	for _, p := range n.pairs {
		if o := over.get(p.key); o != nil {
			p.value = p.value.overlaidBy(o)
		}
		merged.pairs = append(merged.pairs, p)
	}
	for _, p := range over.pairs {
		if n.get(p.key) == nil {
			merged.pairs = append(merged.pairs, p)
		}
	}
	return &merged
}

// wholeNumber reads a whole number that is not negative. It refuses a leading zero,
// which makes the number octal for some readers of YAML. what is the number's name
// in errors.
func (n *node) wholeNumber(what string) (int, error) {
	if n.kind != isText {
		return 0, n.place.errorf("%s: a whole number is wanted, this is %s", what, n.kind)
	}
	count, err := strconv.Atoi(n.text)
	if err != nil || count < 0 || strconv.Itoa(count) != n.text {
		return 0, n.place.errorf("%s: a whole number is wanted, not %q", what, n.text)
	}
	return count, nil
}
