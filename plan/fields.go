package plan

import (
	"fmt"
	"reflect"
	"strings"
)

// A field is one key of a struct.
type field struct {
	key      string
	required bool
	index    []int
	words    []string // the texts that the field may hold, if they are listed
	one      bool     // of the fields of the struct that are so, exactly one is required
}

// structFields returns the keys of a struct in the order of its fields. Fields of
// embedded structs count as fields of the struct.
func structFields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		name, opts, _ := strings.Cut(tag, ",")
		switch {
		case name == "-" && opts == "":
			continue
		case f.Anonymous && name == "":
			if f.Type.Kind() != reflect.Struct {
				panic(fmt.Sprintf("plan: %s embeds %s, which is not a struct", t, f.Type))
			}
			for _, inner := range structFields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
			continue
		case !f.IsExported():
			continue
		case !tagged || name == "":
			name = f.Name
		}
		schema := f.Tag.Get("jsonschema")
		all = append(all, field{
			key: name, required: !optional(opts), index: []int{i}, words: enumOf(schema),
			one: strings.Contains(schema, "oneof_required="),
		})
	}
	return all
}

// enumOf returns the words that a jsonschema tag lists.
func enumOf(tag string) []string {
	var words []string
	for part := range strings.SplitSeq(tag, ",") {
		if word, ok := strings.CutPrefix(part, "enum="); ok {
			words = append(words, word)
		}
	}
	return words
}

// optional reports whether a json tag's options allow a key to be absent.
func optional(opts string) bool {
	for opt := range strings.SplitSeq(opts, ",") {
		if opt == "omitempty" || opt == "omitzero" {
			return true
		}
	}
	return false
}
