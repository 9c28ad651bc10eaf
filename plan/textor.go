package plan

import (
	"encoding/json"
	"reflect"
)

// A TextOr is a setting that has two forms: a single text, or a list or mapping
// where a text does not say enough. Other is a slice or a struct. Only one of Text
// and Other is set. A struct that embeds a TextOr and has no other field is decoded
// as the TextOr, so that it can have methods.
type TextOr[T ~string, O any] struct {
	Text  T
	Other O
}

// IsZero reports whether neither form is set.
func (v TextOr[T, O]) IsZero() bool { return v.Text == "" && reflect.ValueOf(v.Other).IsZero() }

// MarshalJSON returns the form that is set.
func (v TextOr[T, O]) MarshalJSON() ([]byte, error) {
	if v.Text != "" || v.IsZero() {
		return json.Marshal(v.Text)
	}
	return json.Marshal(v.Other)
}

func (TextOr[T, O]) twoForms() {}

// Forms returns the types of the fields Text and Other of a TextOr, or of a struct
// that embeds a TextOr alone. It returns nil if t is neither.
func Forms(t reflect.Type) (text, other reflect.Type) {
	if !t.Implements(twoFormsType) {
		return nil, nil
	}
	for t.Field(0).Anonymous {
		t = t.Field(0).Type
	}
	return t.Field(0).Type, t.Field(1).Type
}

var twoFormsType = reflect.TypeFor[interface{ twoForms() }]()

// textOr decodes a value of either form. A reference that is the whole value has
// the form of the output that it refers to.
func (d *decoder) textOr(n *node, v reflect.Value, loc location) {
	forms := v
	for forms.Type().Field(0).Anonymous {
		forms = forms.Field(0)
	}
	text, other := forms.Field(0), forms.Field(1)
	list := other.Kind() == reflect.Slice && d.isList(n, loc)
	v.SetZero()
	switch {
	case list, other.Kind() == reflect.Struct && n.kind == isMapping:
		d.value(n, other, loc)
	case n.kind == isScalar:
		d.value(n, text, loc)
	case other.Kind() == reflect.Slice:
		d.fail(n.pos, "", "%s must be text or a list, is %s", loc, n.describe())
	default:
		d.fail(n.pos, "", "%s must be text or a mapping, is %s", loc, n.describe())
	}
}
