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
		all = append(all, field{key: name, required: !optional(opts), index: []int{i}})
	}
	return all
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
