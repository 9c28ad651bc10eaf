package runner

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// checkOutputs compares the outputs of a step with those that its type declares: all of
// them and no others, texts and lists as declared, and no promised values.
func (t Type) checkOutputs(outputs Outputs) error {
	for _, o := range t.Outputs {
		v, ok := outputs[o.Name]
		if !ok {
			return contractError("the output %q is missing", o.Name)
		}
		if when, later := v.Later(); later {
			return contractError("the output %q is only known %s, though the step is done", o.Name, when)
		}
	}
	return t.checkKinds(outputs)
}

func (t Type) checkKinds(outputs Outputs) error {
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		o, ok := t.output(name)
		if !ok {
			return contractError("the output %q is not one of the type's", name)
		}
		if _, later := outputs[name].Later(); !later && outputs[name].IsList() != o.List {
			return contractError("the output %q is %s, but its type declares %s", name, kind(!o.List), kind(o.List))
		}
	}
	return nil
}

func kind(list bool) string {
	if list {
		return "a list"
	}
	return "text"
}

// planOutputs checks planned outputs. It promises the missing ones for after the step.
func (t Type) planOutputs(outputs Outputs, step string) (Outputs, error) {
	all := t.laterOutputs(step)
	maps.Copy(all, outputs)
	return all, t.checkKinds(outputs)
}

// laterOutputs promises all outputs for after the step.
func (t Type) laterOutputs(step string) Outputs {
	all := Outputs{}
	for _, o := range t.Outputs {
		all[o.Name] = plan.Later("after " + step)
	}
	return all
}

func sameOutputs(a, b Outputs) bool {
	return maps.EqualFunc(a, b, func(x, y plan.Value) bool {
		return x.IsList() == y.IsList() && x.String() == y.String() && slices.Equal(x.Items(), y.Items())
	})
}

// outputMismatch says why an output does not fit where a reference puts it: a list
// inside text, a list where a text belongs, a text where a list belongs.
func outputMismatch(typ Type, ref plan.Ref, out Output) (msg, hint string) {
	if out.List && !ref.Whole {
		return fmt.Sprintf("output %q of step %s is a list and cannot stand inside text", ref.Output, quoted(ref.Step)),
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
		return fmt.Sprintf("%s must be %s, output %q of step %s is %s", ref.Path, kind(list), ref.Output, quoted(ref.Step), kind(out.List)), hint
	}
	return "", ""
}

// takesBoth reports whether a field may be written as text and as a list.
func takesBoth(field reflect.Type) bool {
	_, other := plan.Forms(field)
	return other != nil && other.Kind() == reflect.Slice || plan.ItemOf(field) != nil
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// fieldType returns the type of the field at a path like "images[0].source", or nil if
// there is no such field. The decoder has reported that.
func fieldType(t reflect.Type, path string) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if path == "" || t == nil {
		return t
	}
	if item := plan.ItemOf(t); item != nil {
		if path[0] == '[' {
			_, path, _ = strings.Cut(path, "]")
			path = strings.TrimPrefix(path, ".")
		}
		return fieldType(item, path)
	}
	if _, other := plan.Forms(t); other != nil {
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

// Made returns the names of what a step of the type has made, without digests: those in the
// outputs that are marked so, as far as they are known.
func (t Type) Made(outputs Outputs) []string {
	var names []string
	for _, o := range t.Outputs {
		v, ok := outputs[o.Name]
		if _, later := v.Later(); !o.Made || !ok || later {
			continue
		}
		all := v.Items()
		if !v.IsList() && v.String() != "" {
			all = []string{v.String()}
		}
		for _, item := range all {
			item, _, _ = strings.Cut(item, "@")
			names = append(names, item)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
