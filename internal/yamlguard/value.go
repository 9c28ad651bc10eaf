package yamlguard

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A Kind is what a value of a file is.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Scalar
	List
	Map
)

// String names the kind in errors.
func (k Kind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// A Value is a value of a file of another program, read as PyYAML reads it: merge keys are
// applied, a mapping's own keys come before merged ones, and of equal keys the last counts.
// A mistake in a value is found when the value is opened, so one in a value that is not
// used does not matter.
type Value struct {
	file *document
	node ast.Node
}

// An Opened is a value with its anchors, aliases and tags resolved. Its own values are not
// opened.
type Opened struct {
	Kind  Kind
	Line  int
	Text  string // of a scalar, as written
	Plain bool   // the scalar has no quotes, so it may be a number or a boolean
	Tag   string // as written, such as !!str or !vault; "" without one
	Items []Value
	Pairs []Pair // each key once, in the order of the file; merged ones first
}

// A Pair is a key of a mapping with its value.
type Pair struct {
	Key   string
	Line  int // of the key
	Value Value
}

// document is what all values of a file share.
type document struct {
	aliases map[*ast.AliasNode]ast.Node // the anchored node that each alias stands for
	ended   bool                        // the last line has a line end
}

// ParseValue reads the one document of a file as a Value.
func ParseValue(raw []byte, o Options) (Value, *Error) {
	text, body, bad := Parse(raw, o)
	if bad != nil {
		return Value{}, bad
	}
	d := &document{aliases: map[*ast.AliasNode]ast.Node{}, ended: strings.HasSuffix(text, "\n")}
	if body != nil {
		ast.Walk(&aliasFinder{anchors: map[string]ast.Node{}, found: d.aliases}, body)
	}
	return Value{d, body}, nil
}

// An aliasFinder finds the last anchor before each alias. An anchor counts from the end of
// its value, so a value cannot hold itself.
type aliasFinder struct {
	anchors map[string]ast.Node
	found   map[*ast.AliasNode]ast.Node
}

// Visit looks at a node and the nodes below it.
func (a *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AnchorNode:
		ast.Walk(a, n.Value)
		a.anchors[n.Name.GetToken().Value] = n.Value
		return nil
	case *ast.AliasNode:
		if to := a.anchors[n.Value.GetToken().Value]; to != nil {
			a.found[n] = to
		}
		return nil
	}
	return a
}

// Open resolves the value.
func (v Value) Open() (Opened, *Error) {
	node, tag, bad := v.file.resolve(v.node)
	if bad != nil {
		return Opened{}, bad
	}
	o := Opened{Line: 1, Tag: tag}
	if node != nil {
		o.Line = posOf(node.GetToken()).Line
	}
	switch n := node.(type) {
	case *ast.MappingNode:
		o.Kind = Map
		o.Pairs, bad = v.file.pairs(n.Values)
	case *ast.MappingValueNode:
		o.Kind = Map
		o.Pairs, bad = v.file.pairs([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		o.Kind = List
		for _, item := range n.Values {
			o.Items = append(o.Items, Value{v.file, item})
		}
	case nil:
	case *ast.NullNode:
		if tag == "!!str" {
			o.Kind = Scalar
		}
	default:
		o.Kind = Scalar
		bad = v.file.scalar(&o, node)
		o.Plain = o.Plain && tag != "!!str"
	}
	return o, bad
}

// resolve removes anchors and tags from a node and follows aliases.
func (d *document) resolve(n ast.Node) (node ast.Node, tag string, bad *Error) {
	for {
		switch at := n.(type) {
		case *ast.AnchorNode:
			n = at.Value
		case *ast.TagNode:
			n, tag = at.Value, at.Start.Value
		case *ast.AliasNode:
			if n = d.aliases[at]; n == nil { // its name is not shown: it may be a password without quotes
				return nil, "", errorf(posOf(at.Start), "quote the value if it is meant as text", "there is no anchor for an alias")
			}
		default:
			return n, tag, nil
		}
	}
}

// scalar reads the text of a scalar.
func (d *document) scalar(o *Opened, n ast.Node) *Error {
	start := n.GetToken()
	raw := start
	switch n := n.(type) {
	case *ast.LiteralNode:
		start, raw = n.Start, n.Value.GetToken()
		o.Text = n.Value.Value
	case *ast.StringNode:
		o.Text = n.Value
		o.Plain = start.Type == token.StringType
	default:
		// The parsed number or boolean no longer says how it was written.
		o.Text, o.Plain = start.Value, true
	}
	if msg, hint := Misread(start, raw, d.ended); msg != "" {
		return errorf(posOf(start), hint, "%s", msg)
	}
	return nil
}

// pairs gives the pairs of a mapping with those that << merges.
func (d *document) pairs(own []*ast.MappingValueNode) ([]Pair, *Error) {
	all := pairSet{index: map[string]int{}}
	for _, n := range own {
		if _, ok := n.Key.(*ast.MergeKeyNode); !ok {
			continue
		}
		if bad := d.merge(&all, Value{d, n.Value}); bad != nil {
			return nil, bad
		}
	}
	for _, n := range own {
		if _, ok := n.Key.(*ast.MergeKeyNode); ok {
			continue
		}
		key, bad := d.key(n.Key)
		if bad != nil {
			return nil, bad
		}
		all.put(Pair{key, posOf(n.Key.GetToken()).Line, Value{d, n.Value}})
	}
	return all.pairs, nil
}

func (d *document) key(n ast.MapKeyNode) (string, *Error) {
	var inner ast.Node = n
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		inner = explicit.Value
	}
	key, bad := Value{d, inner}.Open()
	if bad == nil && key.IsNull() {
		return "null", nil
	}
	if bad == nil && key.Kind != Scalar {
		bad = errorf(posOf(n.GetToken()), "", "a key must be a text, this is %s", key.Kind)
	}
	return key.Text, bad
}

// merge adds the pairs of the mapping, or of the list of mappings, that << names. In a list
// the first mapping comes before the others.
func (d *document) merge(all *pairSet, from Value) *Error {
	o, bad := from.Open()
	if bad != nil {
		return bad
	}
	switch o.Kind {
	case Map:
		for _, p := range o.Pairs {
			all.put(p)
		}
	case List:
		for i := range o.Items {
			if bad := d.merge(all, o.Items[len(o.Items)-1-i]); bad != nil {
				return bad
			}
		}
	default:
		return errorf(Pos{o.Line, 1}, "", "<< takes a mapping or a list of them, this is %s", o.Kind)
	}
	return nil
}

// A pairSet is pairs in the order in which their keys came first.
type pairSet struct {
	pairs []Pair
	index map[string]int
}

// put adds a pair, or replaces the one with the same key.
func (s *pairSet) put(p Pair) {
	if i, ok := s.index[p.Key]; ok {
		s.pairs[i] = p
		return
	}
	s.index[p.Key] = len(s.pairs)
	s.pairs = append(s.pairs, p)
}
