package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// A converter turns the YAML library's tree into nodes.
type converter struct {
	src     *source
	errs    Errors
	anchors map[string]*node // a nil node is still being read
	last    cursor
}

func (c *converter) fail(pos Pos, hint, format string, args ...any) {
	if len(c.errs) >= maxErrors {
		return
	}
	e := c.src.errorf(pos, format, args...)
	e.Hint = hint
	c.errs = append(c.errs, e)
}

// invalid adds a mistake and returns a node in place of the unreadable one.
func (c *converter) invalid(pos Pos, hint, format string, args ...any) *node {
	c.fail(pos, hint, format, args...)
	return &node{src: c.src, pos: pos, reported: true}
}

func (c *converter) node(n ast.Node) *node {
	switch n := n.(type) {
	case *ast.MappingNode:
		return c.mapping(n.Start, n.Values)
	case *ast.MappingValueNode:
		return c.mapping(n.Start, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return c.sequence(n)
	case *ast.AnchorNode:
		return c.anchor(n)
	case *ast.AliasNode:
		return c.alias(n)
	case *ast.TagNode:
		return c.tagged(n)
	case *ast.LiteralNode:
		return c.scalar(n.Start, n.Value.Token, n.Value.Value)
	case ast.ScalarNode:
		tk := n.GetToken()
		return c.scalar(tk, tk, tk.Value)
	}
	return c.invalid(c.src.clamp(Pos{}), "", "bayplan cannot read this as YAML")
}

// scalar makes a node from a text. start is its first token, tk the token that
// holds its raw text.
func (c *converter) scalar(start, tk *token.Token, text string) *node {
	n := &node{src: c.src, pos: c.posOf(start), text: text}
	if msg, hint := yamlguard.Misread(start, tk, c.src.line(len(c.src.lines)) == ""); msg != "" {
		return c.invalid(n.pos, hint, "%s", msg)
	}
	switch start.Type {
	case token.ImplicitNullType:
		n.text, n.null = "", true
	case token.SingleQuoteType, token.DoubleQuoteType, token.LiteralType, token.FoldedType:
	default:
		n.plain = true
		n.yamlType = readsAs(text)
		n.null = n.yamlType == "empty"
	}
	if strings.Contains(text, "${") {
		n.marks = c.marks(n.pos, tk, text)
	}
	return n
}

func (c *converter) sequence(n *ast.SequenceNode) *node {
	out := &node{src: c.src, kind: isSequence, pos: c.posOf(n.Start)}
	for _, v := range n.Values {
		out.items = append(out.items, c.node(v))
	}
	return out
}

func (c *converter) anchor(n *ast.AnchorNode) *node {
	name := n.Name.GetToken().Value
	if n.Value == nil {
		return c.invalid(c.posOf(n.Start), "", "the anchor &%s has no value", name)
	}
	c.anchors[name] = nil
	out := c.node(n.Value)
	c.anchors[name] = out
	return out
}

func (c *converter) alias(n *ast.AliasNode) *node {
	name, pos := n.Value.GetToken().Value, c.posOf(n.Start)
	to, known := c.anchors[name]
	switch {
	case !known:
		names := slices.Sorted(maps.Keys(c.anchors))
		return c.invalid(pos, human.DidYouMean(name, names), "there is no anchor &%s before this", name)
	case to == nil:
		return c.invalid(pos, "", "the alias *%s stands inside its own anchor", name)
	}
	return to.copy()
}

// tagged reads a value with a tag. bayplan supports only !!str, which makes any
// scalar a text.
func (c *converter) tagged(n *ast.TagNode) *node {
	pos := c.posOf(n.Start)
	if n.Start.Value != "!!str" {
		return c.invalid(pos, "quote a text that begins with !", "the tag %s is not supported; only !!str is", n.Start.Value)
	}
	value := &node{src: c.src, pos: pos, plain: true}
	if n.Value != nil {
		value = c.node(n.Value)
	}
	if value.kind != isScalar {
		return c.invalid(pos, "", "!!str stands before %s; it applies only to a single value", value.kind)
	}
	value.yamlType, value.null, value.tag = "", false, true
	return value
}

// mapping reads the entries of a mapping. The mapping's own entries override those
// that << merges.
func (c *converter) mapping(start *token.Token, values []*ast.MappingValueNode) *node {
	if len(values) > 0 && start.Type != token.MappingStartType {
		start = values[0].Key.GetToken() // in block style, start is the first colon
	}
	out := &node{src: c.src, kind: isMapping, pos: c.posOf(start)}
	var merges []*node
	seen := map[string]Pos{}
	for _, v := range values {
		key, keyPos, ok := c.key(v.Key)
		if !ok {
			out.incomplete = true
			continue
		}
		if first, twice := seen[key]; twice {
			c.fail(keyPos, fmt.Sprintf("the first one is in line %d", first.Line), "the key %q is given twice", key)
			continue
		}
		seen[key] = keyPos
		valuePos := keyPos
		if v.Value != nil {
			valuePos = c.posOf(v.Value.GetToken())
		}
		value := c.node(v.Value)
		if v.Key.IsMergeKey() {
			merges = append(merges, value)
			continue
		}
		out.entries = append(out.entries, entry{key: key, keyPos: keyPos, valuePos: valuePos, value: value})
	}
	for _, m := range merges {
		c.merge(out, m, seen)
	}
	return out
}

// merge adds the entries of a << value: a mapping, or a list of mappings, of which
// earlier ones override later ones. seen holds the keys of into.
func (c *converter) merge(into, from *node, seen map[string]Pos) {
	switch {
	case from.reported:
	case from.kind == isSequence:
		for _, it := range from.items {
			if it.kind != isMapping && !it.reported {
				c.fail(it.pos, "", "<< must name mappings, here is %s", it.describe())
				continue
			}
			c.merge(into, it, seen)
		}
	case from.kind != isMapping:
		c.fail(from.pos, "", "<< must name a mapping, is %s", from.describe())
	default:
		for _, e := range from.entries {
			if _, there := seen[e.key]; !there {
				seen[e.key] = e.keyPos
				into.entries = append(into.entries, e)
			}
		}
	}
}

// key reads a key, which must be text on one line.
func (c *converter) key(k ast.MapKeyNode) (text string, pos Pos, ok bool) {
	pos = c.posOf(k.GetToken())
	switch k := k.(type) {
	case *ast.MergeKeyNode:
		return "<<", pos, true
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		n := c.scalar(k.GetToken(), k.GetToken(), k.GetToken().Value)
		if n.reported {
			return "", pos, false
		}
		if n.yamlType != "" || n.null {
			c.fail(pos, `quote it: write "`+n.text+`":`, "a key must be text, but YAML reads this one as %s", n.describe())
			return "", pos, false
		}
		return n.text, pos, true
	}
	c.fail(pos, "write it as key: value", "a key must be plain text")
	return "", pos, false
}
