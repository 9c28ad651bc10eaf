package plan

// A Body is a piece of a plan that is kept as it stands in the file until
// somebody brings the struct to decode it into.
type Body struct {
	// node, file: to be filled in by the implementation
}

// A Ref is a reference to an output of a step, as it stands in a Body.
type Ref struct {
	Step   string
	Output string
	Path   string // of the field that holds it: "images", "environments[2]"
	Whole  bool   // the reference is the whole value, nothing before or after it
	Pos    Pos
}

// A Lookup gives the value of a reference.
type Lookup func(Ref) Value

// Refs gives all references to step outputs in the body, in file order.
func (b Body) Refs() []Ref { panic("not written") }

// Decode fills the struct that into points to, strictly: an unknown or
// duplicate key, a missing required key, a value of another type, is an error
// at its place. Values that into holds already are defaults.
//
// Field names and whether a field is required come from its json tag: without
// omitempty it is required. Understood are structs, pointers to them, maps with text keys,
// slices, bool, integers, string, time.Duration, Path, Secret and everything that
// implements encoding.TextUnmarshaler.
//
// With a nil look, fields that hold references to steps are left at their zero value.
func (b Body) Decode(into any, look Lookup) Errors { panic("not written") }

// Explain turns what a Validate gave (errors wrapped by At, joined or alone)
// into errors with their places in the file.
func (b Body) Explain(err error) Errors { panic("not written") }

// At says that err is about the field at path, in the words of the plan:
// At("paths[1]", err). A nil err stays nil.
func At(path string, err error) error { panic("not written") }
