package tripleo

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

type nodeKind uint8

const (
	isNull nodeKind = iota
	isText          // any scalar, as it is written: 010 stays 010
	isList
	isMap
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// A node is a YAML value whose scalars are the text that was written.
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

// get finds the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// texts gives a list's items, all of which must be texts. what names it in errors.
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

// A walker turns the parser's tree into nodes.
type walker struct {
	file    string
	anchors map[string]*node
}

func (w *walker) node(n ast.Node) (*node, error) {
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
		return &node{kind: isText, text: n.Value, place: place}, nil
	case ast.ScalarNode:
		// Numbers and booleans: the value that was parsed has lost how it was
		// written.
		return &node{kind: isText, text: n.GetToken().Value, place: place}, nil
	}
	return nil, place.errorf("%s is not understood here", n.Type())
}

func (w *walker) place(n ast.Node) Place {
	// A block mapping's own token is its first colon, which may stand on
	// another line than its key in no file that a person writes.
	return Place{w.file, n.GetToken().Position.Line}
}

// tag honours the one tag that matters, !!str: a null written so is a text.
func (w *walker) tag(n *ast.TagNode) (*node, error) {
	value, err := w.node(n.Value)
	if err == nil && value.kind == isNull && n.Start.Value == "!!str" {
		value.kind = isText
		if n.Value != nil && n.Value.GetToken().Origin != "" {
			value.text = n.Value.GetToken().Value
		}
	}
	return value, err
}

func (w *walker) anchor(n *ast.AnchorNode) (*node, error) {
	value, err := w.node(n.Value)
	if err == nil {
		w.anchors[n.Name.GetToken().Value] = value
	}
	return value, err
}

func (w *walker) alias(place Place, n *ast.AliasNode) (*node, error) {
	value, ok := w.anchors[n.Value.GetToken().Value]
	if !ok {
		// Its name is not repeated: it may be a password that wants quotes.
		return nil, place.errorf("what begins with * is an alias, which has no anchor before it; a text is put in quotes")
	}
	return value, nil
}

func (w *walker) list(place Place, values []ast.Node) (*node, error) {
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

func (w *walker) mapping(place Place, values []*ast.MappingValueNode) (*node, error) {
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
			return nil, key.place.errorf("the key %q is there twice; the first is in line %d", key.text, first.Line)
		}
		seen[key.text] = key.place
		m.pairs = append(m.pairs, pair{key.text, value, key.place})
	}
	return m, m.merge(merged, seen)
}

func (w *walker) key(n ast.MapKeyNode) (*node, error) {
	var inner ast.Node = n
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		inner = explicit.Value
	}
	key, err := w.node(inner)
	if err != nil {
		return nil, err
	}
	if key.kind != isText {
		return nil, key.place.errorf("a key must be a text, this is %s", key.kind)
	}
	return key, nil
}

// merge adds the pairs of the mappings given with "<<", of which those before
// win over those after, and the mapping's own over all. seen are its keys.
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

// overlay gives n with what is in over laid upon it: mappings are merged key by
// key, all else is replaced.
func (n *node) overlay(over *node) *node {
	if n == nil || n.kind != isMap || over.kind != isMap {
		return over
	}
	merged := *n
	merged.pairs = nil
	for _, p := range n.pairs {
		if o := over.get(p.key); o != nil {
			p.value = p.value.overlay(o)
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

// whole reads a whole number that is not negative. A leading zero is refused:
// to some readers of YAML it makes the number octal. what names it in errors.
func (n *node) whole(what string) (int, error) {
	if n.kind != isText {
		return 0, n.place.errorf("%s: a whole number is wanted, this is %s", what, n.kind)
	}
	count, err := strconv.Atoi(n.text)
	if err != nil || count < 0 || strconv.Itoa(count) != n.text {
		return 0, n.place.errorf("%s: a whole number is wanted, not %q", what, n.text)
	}
	return count, nil
}
