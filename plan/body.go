package plan

import "strconv"

// A Body is a piece of a plan that is kept as it stands in the file, until Decode
// reads it into a struct.
type Body struct {
	src  *source
	root *node // nil when absent, which counts as an empty mapping
	pos  Pos   // where a missing key is reported
	name string
}

// A Ref is a reference to an output of a step, as it stands in a Body.
type Ref struct {
	Step   string // its address
	Output string
	Path   string // of the field that holds it: "images", "environments[2]"
	Whole  bool   // the reference is the whole value, nothing before or after it
	Pos    Pos
}

// A Lookup returns the value of a reference.
type Lookup func(Ref) Value

// Refs returns all references to step outputs in the body, in file order. It
// leaves out references that were reported as mistakes.
func (b Body) Refs() []Ref {
	var refs []Ref
	if b.root != nil {
		b.root.refs("", &refs)
	}
	return refs
}

func (n *node) refs(path string, into *[]Ref) {
	if n.reported {
		return
	}
	for i := range n.parts {
		if ref := n.parts[i].ref; ref != nil && ref.step != "" {
			*into = append(*into, n.ref(ref, path))
		}
	}
	for _, e := range n.entries {
		e.value.refs(joinKey(path, e.key), into)
	}
	for i, it := range n.items {
		it.refs(joinIndex(path, i), into)
	}
}

func (n *node) ref(ref *reference, path string) Ref {
	return Ref{Step: ref.step, Output: ref.names[1], Path: path, Whole: wholeRef(n.parts) != nil, Pos: ref.pos}
}

// Unresolved returns the texts at the field at path, or below it, that refer to
// outputs of steps. The references in them stand as in a plan, and variables are
// replaced.
func (b Body) Unresolved(path string) []string {
	var texts []string
	n := b.root
	for path != "" && n != nil {
		n, _, path = n.child(path)
	}
	if n == nil {
		return nil
	}
	n.walk(func(below *node) {
		if below.parts == nil || below.reported {
			return
		}
		texts = append(texts, writtenText(below.parts))
	})
	return texts
}

// Filled reports whether the field at path, or what is below it, holds the value of a variable.
func (b Body) Filled(path string) bool {
	n, filled := b.root, false
	for path != "" && n != nil {
		n, _, path = n.child(path)
	}
	if n != nil {
		n.walk(func(below *node) { filled = filled || below.filled })
	}
	return filled
}

// joinKey appends a key to a field path: "images[0]" and "source" make
// "images[0].source".
func joinKey(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// joinIndex appends an index to a field path: "images" and 0 make "images[0]".
func joinIndex(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Errorf makes an error at the place of the field at path. If the plan does not
// have that field, the place is that of the nearest field around it, or the
// body's own.
func (b Body) Errorf(path, format string, args ...any) *Error {
	pos, _ := b.posOf(path)
	return b.src.errorf(pos, format, args...)
}

// posOf returns the place of the field at path and true. If there is no such
// field, it returns the place of the nearest field around it and false.
func (b Body) posOf(path string) (Pos, bool) {
	pos := b.pos
	n := b.root
	for path != "" && n != nil {
		child, childPos, rest := n.child(path)
		if child == nil {
			return pos, false
		}
		n, pos, path = child, childPos, rest
	}
	return pos, n != nil
}

// child follows the first element of a path. A key may contain dots, so child
// takes the longest key that fits.
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
			next, pos, rest, longest = e.value, e.valuePos, tail, len(e.key)
		}
	}
	return next, pos, rest
}

// afterKey returns the rest of a path that begins with a key.
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

// cutIndex cuts an index such as "[2]" off the beginning of a path. It returns -1
// if the path does not begin with an index.
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

// Dir returns the absolute directory of the file that the body stands in: relative paths
// in the body start there.
func (b Body) Dir() string { return b.src.dir }
