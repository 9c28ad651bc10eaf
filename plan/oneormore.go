package plan

import (
	"encoding/json"
	"reflect"
)

// A OneOrMore is a setting that takes one value, or a list of them.
type OneOrMore[T any] struct{ Items []T }

// IsZero reports whether there is no value.
func (v OneOrMore[T]) IsZero() bool { return len(v.Items) == 0 }

// MarshalJSON returns a single value as it is, also if it was written as a list.
func (v OneOrMore[T]) MarshalJSON() ([]byte, error) {
	if len(v.Items) == 1 {
		return json.Marshal(v.Items[0])
	}
	return json.Marshal(v.Items)
}

func (OneOrMore[T]) oneOrMore() {}

// ItemOf returns the type of a value of a OneOrMore. It returns nil if t is none.
func ItemOf(t reflect.Type) reflect.Type {
	if !t.Implements(oneOrMoreType) {
		return nil
	}
	return t.Field(0).Type.Elem()
}

var oneOrMoreType = reflect.TypeFor[interface{ oneOrMore() }]()

// oneOrMore decodes a value or a list of them. A reference that is the whole value has
// the form of the output that it refers to.
func (d *decoder) oneOrMore(n *node, v reflect.Value, loc location) {
	items := v.Field(0)
	if d.isList(n, loc) {
		d.value(n, items, loc)
		return
	}
	one := reflect.MakeSlice(items.Type(), 1, 1)
	d.value(n, one.Index(0), loc)
	items.Set(one)
}

// isList reports whether a node is a list, or refers to an output that is one.
func (d *decoder) isList(n *node, loc location) bool {
	if ref := wholeRef(n.parts); n.kind == isScalar && ref != nil && d.look != nil {
		return d.look(n.ref(ref, loc.path)).IsList()
	}
	return n.kind == isSequence
}
