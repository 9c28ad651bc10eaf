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

// Decode fills the struct that into points to, strictly: an unknown or
// duplicate key, a missing required key, a value of another type, is an error
// at its place. Values that into holds already are defaults.
//
// Field names and whether a field is required come from its json tag: without
// omitempty or omitzero it is required. Understood are structs, pointers to them, maps with text keys,
// slices, bool, integers, string, time.Duration, Path, Secret, TextOr and everything that
// implements encoding.TextUnmarshaler.
//
// With a nil look, fields that hold references to steps are left at their zero
// value, and so are those whose value look only promises. What Parse reported
// already is not reported again.
func (b Body) Decode(into any, look Lookup) Errors {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("plan: Decode into %T, which is no pointer to a struct", into))
	}
	d := &decoder{src: b.src, look: look}
	n := b.root // nil in a zero Body, too, which has nothing to be decoded
	if n == nil {
		n = &node{src: b.src, kind: isMapping, pos: b.at}
	}
	d.mapping(n, v.Elem(), spot{name: b.name, blame: b.at})
	_ = d.errs.Err() // sorts
	return d.errs
}

// A decoder decodes one body.
type decoder struct {
	src  *source
	look Lookup
	errs Errors
}

// A spot is where in a body a value stands, for messages.
type spot struct {
	path  string // of the field: "images[0].source"
	key   string // the last key of the path, or "" for an item of a list
	name  string // how messages call it, where that is not the path
	blame Pos    // where a key missing below it is reported

	required bool
}

func (s spot) String() string {
	if s.name != "" {
		return s.name
	}
	return s.path
}

func (s spot) entry(e entry) spot {
	return spot{path: join(s.path, e.key), key: e.key, blame: e.keyPos}
}

func (s spot) item(i int, n *node) spot { return spot{path: index(s.path, i), blame: n.pos} }

func (d *decoder) fail(pos Pos, hint, format string, args ...any) {
	e := d.src.errorf(pos, format, args...)
	e.Hint = hint
	d.errs = append(d.errs, e)
}

// value decodes a node into v, which is addressable.
func (d *decoder) value(n *node, v reflect.Value, at spot) {
	t := v.Type()
	switch {
	case n.bad && t == secretType:
		// It was named, if wrongly: that none was named would be a second mistake.
		v.Set(reflect.ValueOf(Secret{&secretSource{}}))
	case n.bad:
		return
	case t.Kind() == reflect.Pointer:
		d.pointer(n, v, at)
	case t == secretType:
		d.secret(n, v, at)
	case t == durationType || t == pathType || v.Addr().Type().Implements(unmarshalType):
		d.text(n, v, at)
	case t.Implements(twoFormsType):
		d.textOr(n, v, at)
	case t.Kind() == reflect.Struct:
		d.mapping(n, v, at)
	case t.Kind() == reflect.Map:
		d.dictionary(n, v, at)
	case t.Kind() == reflect.Slice:
		d.list(n, v, at)
	default:
		d.text(n, v, at)
	}
}

func (d *decoder) pointer(n *node, v reflect.Value, at spot) {
	to := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		to.Elem().Set(v.Elem()) // its defaults, without changing what others point to
	}
	d.value(n, to.Elem(), at)
	v.Set(to)
}

func (d *decoder) secret(n *node, v reflect.Value, at spot) {
	if n.secret == nil {
		d.fail(n.pos, "write ${secrets.NAME}", "%s must be a reference to a secret, is %s", at, n.is())
		return
	}
	v.Set(reflect.ValueOf(Secret{n.secret}))
}

// mapping decodes into a struct.
func (d *decoder) mapping(n *node, v reflect.Value, at spot) {
	if !d.want(n, isMapping, at) {
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
			d.fail(e.keyPos, hintFor(near, keys), "unknown key %q in %s", e.key, at)
			continue
		}
		present[e.key] = true
		below := at.entry(e)
		below.required = fields[i].required
		d.value(e.value, v.FieldByIndex(fields[i].index), below)
	}
	for _, f := range fields {
		if f.required && !present[f.key] && !n.torn {
			d.fail(at.blame, "", "%s is missing in %s", f.key, at)
		}
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

// dictionary decodes into a map.
func (d *decoder) dictionary(n *node, v reflect.Value, at spot) {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("plan: Decode into %s, whose keys are no text", t))
	}
	if !d.want(n, isMapping, at) {
		return
	}
	out := reflect.MakeMapWithSize(t, len(n.entries))
	for _, e := range n.entries {
		elem := reflect.New(t.Elem()).Elem()
		d.value(e.value, elem, at.entry(e))
		out.SetMapIndex(reflect.ValueOf(e.key).Convert(t.Key()), elem)
	}
	v.Set(out)
}

// list decodes into a slice: a sequence, or a reference to a list.
func (d *decoder) list(n *node, v reflect.Value, at spot) {
	if ref := whole(n.parts); n.kind == isScalar && ref != nil {
		d.listed(n, ref, v, at)
		return
	}
	if !d.want(n, isSequence, at) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, it := range n.items {
		d.value(it, out.Index(i), at.item(i, it))
	}
	v.Set(out)
}

// listed decodes a list that a step gives.
func (d *decoder) listed(n *node, ref *reference, v reflect.Value, at spot) {
	got, ok := d.ask(n, ref, at)
	switch {
	case !ok:
		v.SetZero()
		return
	case !got.IsList():
		d.fail(ref.pos, "write it as an item: [\"${...}\"]", "%s must be a list, this output is text", at)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(got.Items()), len(got.Items()))
	for i, text := range got.Items() {
		d.value(&node{src: n.src, pos: ref.pos, text: text, filled: true}, out.Index(i), spot{path: index(at.path, i)})
	}
	v.Set(out)
}

// want says whether a node is of a kind, and reports it when not.
func (d *decoder) want(n *node, k kind, at spot) bool {
	switch {
	case n.bad:
		return false
	case n.kind == k:
		return true
	case k == isSequence && n.kind == isScalar && !n.null:
		d.fail(n.pos, "write it in [ ]", "%s must be a list, is %s", at, n.is())
	default:
		d.fail(n.pos, "", "%s must be %s, is %s", at, k, n.is())
	}
	return false
}

// ask gives the value of a reference, and whether it is known.
func (d *decoder) ask(n *node, ref *reference, at spot) (Value, bool) {
	if d.look == nil {
		return Value{}, false
	}
	got := d.look(n.ref(ref, at.path))
	_, later := got.Later()
	return got, !later
}

// text decodes whatever is written as a single value.
func (d *decoder) text(n *node, v reflect.Value, at spot) {
	text, state := d.scalar(n, at)
	switch state {
	case later:
		v.SetZero()
		return
	case wrong:
		return
	}
	if c := d.set(n, v, text, at); c != nil {
		d.fail(n.pos, c.hint, "%s", c.msg)
	}
}

type outcome uint8

const (
	fine outcome = iota
	later
	wrong
)

// scalar gives a scalar's text with the outputs that it refers to put in.
func (d *decoder) scalar(n *node, at spot) (string, outcome) {
	if n.secret != nil {
		d.fail(n.pos, "", "%s cannot be a secret", at)
		return "", wrong
	}
	if n.kind != isScalar || len(n.parts) == 0 {
		return n.text, fine
	}
	var out strings.Builder
	state := fine
	for _, p := range n.parts {
		if p.ref == nil {
			out.WriteString(p.lit)
			continue
		}
		got, ok := d.ask(n, p.ref, at)
		switch {
		case !ok:
			state = max(state, later)
		case got.IsList():
			d.fail(p.ref.pos, "a list can only be the whole value of a setting that takes a list", "this output is a list, %s must be a single value", at)
			state = wrong
		default:
			out.WriteString(got.String())
		}
	}
	return out.String(), state
}
