package plan

import "strconv"

// A Body is a piece of a plan that is kept as it stands in the file until
// somebody brings the struct to decode it into.
type Body struct {
	src  *source
	root *node // nil: absent, which counts as an empty mapping
	at   Pos   // what a missing key is blamed on
	name string
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
// References that were reported as mistakes are not among them.
func (b Body) Refs() []Ref {
	var refs []Ref
	if b.root != nil {
		b.root.refs("", &refs)
	}
	return refs
}

func (n *node) refs(path string, into *[]Ref) {
	if n.bad {
		return
	}
	for i := range n.parts {
		if ref := n.parts[i].ref; ref != nil && ref.head == "steps" {
			*into = append(*into, n.ref(ref, path))
		}
	}
	for _, e := range n.entries {
		e.value.refs(join(path, e.key), into)
	}
	for i, it := range n.items {
		it.refs(index(path, i), into)
	}
}

func (n *node) ref(ref *reference, path string) Ref {
	return Ref{Step: ref.names[0], Output: ref.names[1], Path: path, Whole: whole(n.parts) != nil, Pos: ref.pos}
}

// join and index make field paths: "images[0].source".
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Errorf makes an error at the place of the field at path, or at the body's
// own place when the plan does not have that field.
func (b Body) Errorf(path, format string, args ...any) *Error {
	pos, _ := b.place(path)
	return b.src.errorf(pos, format, args...)
}

// place finds where the field at path stands, or the nearest thing around it,
// and says whether it was the field itself.
func (b Body) place(path string) (Pos, bool) {
	at := b.at
	n := b.root
	for path != "" && n != nil {
		var step *node
		var pos Pos
		step, pos, path = n.child(path)
		if step == nil {
			return at, false
		}
		n, at = step, pos
	}
	return at, n != nil
}

// child takes the first step of a path. A key may hold dots, so the longest
// key that fits is taken.
func (n *node) child(path string) (next *node, pos Pos, rest string) {
	if path[0] == '[' {
		num, rest := cutIndex(path)
		if num < 0 || num >= len(n.items) {
			return nil, Pos{}, ""
		}
		return n.items[num], n.items[num].pos, rest
	}
	longest := -1
	for _, e := range n.entries {
		if tail, ok := afterKey(path, e.key); ok && len(e.key) > longest {
			next, pos, rest, longest = e.value, e.at, tail, len(e.key)
		}
	}
	return next, pos, rest
}

// afterKey gives what follows a key in a path.
func afterKey(path, key string) (string, bool) {
	if len(path) < len(key) || path[:len(key)] != key {
		return "", false
	}
	switch rest := path[len(key):]; {
	case rest == "" || rest[0] == '[':
		return rest, true
	case rest[0] == '.':
		return rest[1:], true
	}
	return "", false
}

// cutIndex reads "[2]" off a path, and gives -1 for what is no index.
func cutIndex(path string) (int, string) {
	for i := range len(path) {
		if path[i] != ']' {
			continue
		}
		num, err := strconv.Atoi(path[1:i])
		if err != nil {
			return -1, ""
		}
		rest := path[i+1:]
		if rest != "" && rest[0] == '.' {
			rest = rest[1:]
		}
		return num, rest
	}
	return -1, ""
}
