package plan

import (
	"encoding/json"
	"reflect"
)

// A TextOr is a setting that is written as a single text or, where that does
// not say enough, as a list or a mapping: Other is a slice or a struct. Only
// one of the two is set.
type TextOr[T ~string, O any] struct {
	Text  T
	Other O
}

// IsZero says whether neither form is there.
func (v TextOr[T, O]) IsZero() bool { return v.Text == "" && reflect.ValueOf(v.Other).IsZero() }

// MarshalJSON gives the form that is set.
func (v TextOr[T, O]) MarshalJSON() ([]byte, error) {
	if v.Text != "" || v.IsZero() {
		return json.Marshal(v.Text)
	}
	return json.Marshal(v.Other)
}

func (TextOr[T, O]) twoForms() {}

// OtherForm gives the type that a TextOr holds besides its text, nil for a
// type that is no TextOr.
func OtherForm(t reflect.Type) reflect.Type {
	if !t.Implements(twoFormsType) {
		return nil
	}
	return t.Field(1).Type
}

var twoFormsType = reflect.TypeFor[interface{ twoForms() }]()

// textOr decodes what is written in either form. A reference that is the whole
// value takes the form of what it refers to.
func (d *decoder) textOr(n *node, v reflect.Value, at spot) {
	text, other := v.Field(0), v.Field(1)
	list := n.kind == isSequence
	if ref := whole(n.parts); n.kind == isScalar && ref != nil && other.Kind() == reflect.Slice && d.look != nil {
		list = d.look(n.ref(ref, at.path)).IsList()
	}
	v.SetZero()
	switch {
	case other.Kind() == reflect.Slice && list, other.Kind() == reflect.Struct && n.kind == isMapping:
		d.value(n, other, at)
	case n.kind == isScalar:
		d.value(n, text, at)
	case other.Kind() == reflect.Slice:
		d.fail(n.pos, "", "%s must be text or a list, is %s", at, n.is())
	default:
		d.fail(n.pos, "", "%s must be text or a mapping, is %s", at, n.is())
	}
}
