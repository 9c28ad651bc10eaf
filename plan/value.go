package plan

import (
	"encoding/json"
	"strings"
)

// A Value is what a step gives to others: text, a list of text, or, while a
// step has not done its work, the promise of one.
type Value struct {
	text  string
	list  []string
	kind  valueKind
	after string
}

type valueKind uint8

const (
	isText valueKind = iota
	isList
	isLater
)

// Text makes a value of one text.
func Text(s string) Value { return Value{text: s} }

// List makes a value of a list of texts.
func List(items ...string) Value {
	if items == nil {
		items = []string{}
	}
	return Value{list: items, kind: isList}
}

// Later makes a value that cannot be known before some work is done; when
// says which, in words that follow the value's name: "after upload".
func Later(when string) Value { return Value{after: when, kind: isLater} }

// Later says when the value will be known, and whether it is such a promise.
func (v Value) Later() (when string, ok bool) { return v.after, v.kind == isLater }

// IsList says whether the value is a list.
func (v Value) IsList() bool { return v.kind == isList }

// Items gives a list's items, nil for anything else.
func (v Value) Items() []string { return v.list }

// String gives the text, a list's items joined by ", ", or when a promised
// value will be known in brackets.
func (v Value) String() string {
	switch v.kind {
	case isList:
		return strings.Join(v.list, ", ")
	case isLater:
		return "(" + v.after + ")"
	}
	return v.text
}

// MarshalJSON gives a string, an array of strings, or null for a promise.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case isList:
		return json.Marshal(v.list)
	case isLater:
		return []byte("null"), nil
	}
	return json.Marshal(v.text)
}

// UnmarshalJSON reads what MarshalJSON writes; null becomes a promise.
func (v *Value) UnmarshalJSON(b []byte) error {
	var list []string
	switch {
	case string(b) == "null":
		*v = Later("later")
		return nil
	case len(b) > 0 && b[0] == '[':
		err := json.Unmarshal(b, &list)
		*v = List(list...)
		return err
	}
	*v = Value{}
	return json.Unmarshal(b, &v.text)
}
