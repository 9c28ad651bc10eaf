package plan

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
)

var (
	durationType  = reflect.TypeFor[time.Duration]()
	pathType      = reflect.TypeFor[Path]()
	secretType    = reflect.TypeFor[Secret]()
	unmarshalType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Decode fills the struct that into points to. It is strict: an unknown or
// duplicate key, a missing required key and a value of the wrong type are errors
// with a place. Values that into already holds are defaults.
//
// The json tag of a field gives its key. A field without omitempty or omitzero is
// required. Of the fields whose jsonschema tag has oneof_required, exactly one is
// required. Decode supports structs, pointers to them, maps with text keys,
// slices, bool, integers, string, time.Duration, Path, Secret, TextOr, OneOrMore and every
// type that implements encoding.TextUnmarshaler.
//
// Fields that refer to steps stay at their zero value if look is nil or returns a
// value that is only known later. Decode does not repeat mistakes that Parse
// reported.
func (b Body) Decode(into any, look Lookup) Errors {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("plan: Decode into %T, which is not a pointer to a struct", into))
	}
	d := &decoder{src: b.src, look: look}
	n := b.root // also nil in the zero Body
	if n == nil {
		n = &node{src: b.src, kind: isMapping, pos: b.pos}
	}
	d.mapping(n, v.Elem(), location{name: b.name, missingPos: b.pos})
	d.errs.Sort()
	return d.errs
}

// A decoder decodes one body.
type decoder struct {
	src  *source
	look Lookup
	errs Errors
}

// A location says where in a body a value stands, for messages.
type location struct {
	path       string // of the field: "images[0].source"
	key        string // the last key of the path; "" for an item of a list
	name       string // what messages call it; "" means the path
	missingPos Pos    // where a key missing below it is reported

	required bool
	words    []string // the texts that the field may hold, if they are listed
}

func (s location) String() string {
	if s.name != "" {
		return s.name
	}
	return s.path
}

func (s location) entry(e entry) location {
	return location{path: joinKey(s.path, e.key), key: e.key, missingPos: e.keyPos}
}

func (s location) item(i int, n *node) location {
	return location{path: joinIndex(s.path, i), missingPos: n.pos}
}

func (d *decoder) fail(pos Pos, hint, format string, args ...any) {
	e := d.src.errorf(pos, format, args...)
	e.Hint = hint
	d.errs = append(d.errs, e)
}

// value decodes a node into v, which is addressable.
func (d *decoder) value(n *node, v reflect.Value, loc location) {
	t := v.Type()
	switch {
	case n.reported && t == secretType:
		// A secret that is not the zero Secret: otherwise a check for a missing
		// secret would report the same mistake again.
		v.Set(reflect.ValueOf(Secret{&secretSource{}}))
	case n.reported:
		return
	case t.Kind() == reflect.Pointer:
		d.pointer(n, v, loc)
	case t == secretType:
		d.secret(n, v, loc)
	case t == durationType || t == pathType || v.Addr().Type().Implements(unmarshalType):
		d.text(n, v, loc)
	case t.Implements(twoFormsType):
		d.textOr(n, v, loc)
	case t.Implements(oneOrMoreType):
		d.oneOrMore(n, v, loc)
	case t.Kind() == reflect.Struct:
		d.mapping(n, v, loc)
	case t.Kind() == reflect.Map:
		d.stringMap(n, v, loc)
	case t.Kind() == reflect.Slice:
		d.list(n, v, loc)
	default:
		d.text(n, v, loc)
	}
}

func (d *decoder) pointer(n *node, v reflect.Value, loc location) {
	to := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		to.Elem().Set(v.Elem()) // copy the defaults: others may point to them
	}
	d.value(n, to.Elem(), loc)
	v.Set(to)
}

func (d *decoder) secret(n *node, v reflect.Value, loc location) {
	if n.secret == nil {
		d.fail(n.pos, "write ${secrets.NAME}", "%s must be a reference to a secret, is %s", loc, n.describe())
		return
	}
	v.Set(reflect.ValueOf(Secret{n.secret}))
}

// mapping decodes into a struct.
func (d *decoder) mapping(n *node, v reflect.Value, loc location) {
	if !d.wantKind(n, isMapping, loc) {
		return
	}
	fields := structFields(v.Type())
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	present := map[string]bool{}
	for _, e := range n.entries {
		i := indexOf(keys, e.key)
		if i < 0 {
			near := human.Suggest(e.key, keys)
			present[near] = true
			d.fail(e.keyPos, keyHint(near, keys), "unknown key %q in %s", e.key, loc)
			continue
		}
		present[e.key] = true
		below := loc.entry(e)
		below.required, below.words = fields[i].required, fields[i].words
		d.value(e.value, v.FieldByIndex(fields[i].index), below)
	}
	for _, f := range fields {
		if f.required && !present[f.key] && !n.incomplete {
			d.fail(loc.missingPos, "", "%s lacks %s", loc, f.key)
		}
	}
	d.exactlyOne(n, fields, present, loc)
}

// exactlyOne checks the fields of which exactly one is required.
func (d *decoder) exactlyOne(n *node, fields []field, present map[string]bool, loc location) {
	var all, given []string
	for _, f := range fields {
		if f.one {
			all = append(all, f.key)
		}
		if f.one && present[f.key] {
			given = append(given, f.key)
		}
	}
	switch {
	case len(all) == 0 || n.incomplete:
	case len(given) == 0:
		d.fail(loc.missingPos, "", "%s lacks %s", loc, strings.Join(all, " or "))
	case len(given) > 1:
		d.fail(loc.missingPos, "", "%s has both %s, of which it takes one", loc, strings.Join(given, " and "))
	}
}

func indexOf(keys []string, key string) int {
	for i, k := range keys {
		if k == key {
			return i
		}
	}
	return -1
}

// stringMap decodes into a map with text keys.
func (d *decoder) stringMap(n *node, v reflect.Value, loc location) {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("plan: Decode into %s, whose keys are not text", t))
	}
	if !d.wantKind(n, isMapping, loc) {
		return
	}
	out := reflect.MakeMapWithSize(t, len(n.entries))
	for _, e := range n.entries {
		elem := reflect.New(t.Elem()).Elem()
		d.value(e.value, elem, loc.entry(e))
		out.SetMapIndex(reflect.ValueOf(e.key).Convert(t.Key()), elem)
	}
	v.Set(out)
}

// list decodes a sequence, or a reference to a list, into a slice.
func (d *decoder) list(n *node, v reflect.Value, loc location) {
	if ref := wholeRef(n.parts); n.kind == isScalar && ref != nil {
		d.listOutput(n, ref, v, loc)
		return
	}
	if !d.wantKind(n, isSequence, loc) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, it := range n.items {
		d.value(it, out.Index(i), loc.item(i, it))
	}
	v.Set(out)
}

// listOutput decodes an output of a step that is a list.
func (d *decoder) listOutput(n *node, ref *reference, v reflect.Value, loc location) {
	got, ok := d.resolve(n, ref, loc)
	switch {
	case !ok:
		v.SetZero()
		return
	case !got.IsList():
		d.fail(ref.pos, "write it as an item: [\"${...}\"]", "%s must be a list, this output is text", loc)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(got.Items()), len(got.Items()))
	for i, text := range got.Items() {
		d.value(&node{src: n.src, pos: ref.pos, text: text, filled: true}, out.Index(i), location{path: joinIndex(loc.path, i)})
	}
	v.Set(out)
}

// wantKind reports whether a node is of a kind. It adds a mistake if it is not.
func (d *decoder) wantKind(n *node, k kind, loc location) bool {
	switch {
	case n.reported:
		return false
	case n.kind == k:
		return true
	case k == isSequence && n.kind == isScalar && !n.null:
		d.fail(n.pos, "write it in [ ]", "%s must be a list, is %s", loc, n.describe())
	default:
		d.fail(n.pos, "", "%s must be %s, is %s", loc, k, n.describe())
	}
	return false
}

// resolve returns the value of a reference and whether the value is known.
func (d *decoder) resolve(n *node, ref *reference, loc location) (Value, bool) {
	if d.look == nil {
		return Value{}, false
	}
	got := d.look(n.ref(ref, loc.path))
	_, later := got.Later()
	return got, !later
}

// text decodes a single value.
func (d *decoder) text(n *node, v reflect.Value, loc location) {
	text, state := d.scalar(n, loc)
	switch state {
	case textPending:
		v.SetZero()
		return
	case textInvalid:
		return
	}
	if c := d.setValue(n, v, d.src.adapt.text(text), loc); c != nil {
		d.fail(n.pos, c.hint, "%s", c.msg)
	}
}

// A textState says what became of a scalar's text. A greater state wins when the
// parts of a text differ.
type textState uint8

const (
	textKnown textState = iota
	textPending
	textInvalid
)

// scalar returns a scalar's text. It replaces references by step outputs.
func (d *decoder) scalar(n *node, loc location) (string, textState) {
	if n.secret != nil {
		d.fail(n.pos, "", "%s cannot be a secret", loc)
		return "", textInvalid
	}
	if n.kind != isScalar || len(n.parts) == 0 {
		return n.text, textKnown
	}
	var out strings.Builder
	state := textKnown
	for _, p := range n.parts {
		if p.ref == nil {
			out.WriteString(p.lit)
			continue
		}
		got, ok := d.resolve(n, p.ref, loc)
		switch {
		case !ok:
			state = max(state, textPending)
		case got.IsList():
			d.fail(p.ref.pos, "a list can only be the whole value of a setting that takes a list", "this output is a list, %s must be a single value", loc)
			state = textInvalid
		default:
			out.WriteString(got.String())
		}
	}
	return out.String(), state
}
