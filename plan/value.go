package plan

import (
	"encoding/json"
	"strings"
)

// A Value is an output of a step: a text, a list of texts, or, before the step
// has done its work, a promise of a value.
type Value struct {
	text string
	list []string
	kind valueKind
	when string
}

type valueKind uint8

const (
	isText valueKind = iota
	isList
	isLater
)

// Text makes a value from a text.
func Text(s string) Value { return Value{text: s} }

// List makes a value from a list of texts.
func List(items ...string) Value {
	if items == nil {
		items = []string{}
	}
	return Value{list: items, kind: isList}
}

// Later makes a promise: a value that is known only after some work. when names
// that work, in words that follow the value's name: "after upload".
func Later(when string) Value { return Value{when: when, kind: isLater} }

// Later reports whether the value is a promise, and when it will be known.
func (v Value) Later() (when string, ok bool) { return v.when, v.kind == isLater }

// IsList reports whether the value is a list.
func (v Value) IsList() bool { return v.kind == isList }

// Items returns the items of a list, and nil for other values.
func (v Value) Items() []string { return v.list }

// String returns the text, a list's items joined by ", ", or, for a promise, when
// its value will be known, in brackets.
func (v Value) String() string {
	switch v.kind {
	case isList:
		return strings.Join(v.list, ", ")
	case isLater:
		return "(" + v.when + ")"
	}
	return v.text
}

// MarshalJSON returns a string, an array of strings, or null for a promise.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case isList:
		return json.Marshal(v.list)
	case isLater:
		return []byte("null"), nil
	}
	return json.Marshal(v.text)
}

// UnmarshalJSON reads what MarshalJSON writes. It reads null as a promise.
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
