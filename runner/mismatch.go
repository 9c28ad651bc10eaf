package runner

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// outputMismatch says why an output does not go where a reference puts it: a list
// inside text, a list where a text is wanted, a text where a list is wanted.
func outputMismatch(typ Type, ref plan.Ref, out Output) (msg, hint string) {
	if out.List && !ref.Whole {
		return fmt.Sprintf("output %q of step %q is a list and cannot stand inside text", ref.Output, ref.Step),
			"use the reference as the whole value"
	}
	if typ.New == nil || !ref.Whole {
		return "", ""
	}
	field := fieldType(reflect.TypeOf(typ.New()), ref.Path)
	if field == nil || takesBoth(field) {
		return "", ""
	}
	if list := field.Kind() == reflect.Slice && !reflect.PointerTo(field).Implements(textType); list != out.List {
		hint := ""
		if list {
			hint = "put the reference in brackets and quotes to make it a list's item"
		}
		return fmt.Sprintf("%s must be %s, output %q of step %q is %s", ref.Path, kind(list), ref.Output, ref.Step, kind(out.List)), hint
	}
	return "", ""
}

// takesBoth says whether a field may be written as text and as a list.
func takesBoth(field reflect.Type) bool {
	other := plan.OtherForm(field)
	return other != nil && other.Kind() == reflect.Slice
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// fieldType finds the type of the field at a path like "images[0].source", or
// gives nil. What is not there at all was reported by the decoder.
func fieldType(t reflect.Type, path string) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if path == "" || t == nil {
		return t
	}
	if other := plan.OtherForm(t); other != nil {
		t = other
	}
	if path[0] == '[' {
		_, rest, _ := strings.Cut(path, "]")
		if t.Kind() != reflect.Slice {
			return nil
		}
		return fieldType(t.Elem(), strings.TrimPrefix(rest, "."))
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	name, rest := path[:end], strings.TrimPrefix(path[end:], ".")
	switch t.Kind() {
	case reflect.Map:
		return fieldType(t.Elem(), rest)
	case reflect.Struct:
		return fieldType(fieldNamed(t, name), rest)
	}
	return nil
}

func fieldNamed(t reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return f.Type
		}
	}
	return nil
}
