package plan

import (
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// A part is a piece of a text: literal, or a reference.
type part struct {
	lit string
	ref *reference
}

// A reference is one ${...}: its head is vars, steps or secrets.
type reference struct {
	head  string
	names []string // vars: name; secrets: name; steps: step and output
	pos   Pos
}

// heads are the kinds of references, with how each is written.
var heads = []struct{ head, form string }{
	{"vars", "${vars.NAME}"},
	{"steps", "${steps.ID.OUTPUT}"},
	{"secrets", "${secrets.NAME}"},
}

var (
	refName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	refPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

// splitRefs takes a scalar apart. $${ is a literal ${; a $ before anything
// else is itself. Each mistake is told through fail, and leaves no part.
func splitRefs(n *node, fail func(Pos, *complaint)) []part {
	var parts []part
	var lit strings.Builder
	text, mark := n.text, 0
	for text != "" {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		pos := n.mark(mark)
		mark++
		lit.WriteString(text[:i])
		if i > 0 && text[i-1] == '$' {
			kept := strings.TrimSuffix(lit.String(), "$")
			lit.Reset()
			lit.WriteString(kept + "${")
			text = text[i+len("${"):]
			continue
		}
		inside, rest, closed := strings.Cut(text[i+len("${"):], "}")
		if !closed {
			fail(pos, &complaint{"this ${ is never closed", "write $${ for a literal ${"})
			return nil
		}
		ref, wrong := parseRef(inside, n.hush)
		if wrong != nil {
			fail(pos, wrong)
		} else {
			ref.pos = pos
			if lit.Len() > 0 {
				parts = append(parts, part{lit: lit.String()})
				lit.Reset()
			}
			parts = append(parts, part{ref: ref})
		}
		mark += strings.Count(inside, "${")
		text = rest
	}
	if lit.WriteString(text); lit.Len() > 0 || len(parts) == 0 {
		parts = append(parts, part{lit: lit.String()})
	}
	return parts
}

// mark gives the place of the i-th ${ in a scalar.
func (n *node) mark(i int) Pos {
	if i < len(n.marks) {
		return n.marks[i]
	}
	return n.pos
}

// parseRef reads what stands between ${ and }. What is malformed is quoted
// only where it cannot be a secret.
func parseRef(inside string, hush bool) (*reference, *complaint) {
	shown := "${" + inside + "}"
	if hush || len(shown) > 60 {
		shown = "this reference"
	}
	switch {
	case inside == "":
		return nil, &complaint{"${} names nothing", "write $${ for a literal ${"}
	case strings.Contains(inside, "${"):
		return nil, &complaint{"references cannot be nested", ""}
	case strings.ContainsAny(inside, " \t\n"):
		return nil, &complaint{shown + " holds a space", "a reference is a dotted path and nothing else"}
	case !refPath.MatchString(inside):
		return nil, &complaint{shown + " is no dotted path", "write $${ for a literal ${"}
	}
	names := strings.Split(inside, ".")
	form := formOf(names[0])
	if form == "" {
		return nil, &complaint{shown + " begins with none of vars, steps and secrets", unknownHead(names[0])}
	}
	if len(names) != strings.Count(form, ".")+1 {
		return nil, &complaint{shown + " is not of the form " + form, ""}
	}
	for _, name := range names[1:] {
		if !refName.MatchString(name) {
			return nil, &complaint{shown + " holds a name that cannot be one", "names are lower-case letters, digits and _"}
		}
	}
	return &reference{head: names[0], names: names[1:]}, nil
}

// formOf gives how references of a head are written, or "".
func formOf(head string) string {
	for _, h := range heads {
		if h.head == head {
			return h.form
		}
	}
	return ""
}

func unknownHead(head string) string {
	if near := human.Suggest(head, []string{"vars", "steps", "secrets"}); near != "" {
		return "did you mean " + formOf(near) + "?"
	}
	return "write $${ for a literal ${"
}

// whole gives the reference that is all of a scalar, or nil.
func whole(parts []part) *reference {
	if len(parts) == 1 {
		return parts[0].ref
	}
	return nil
}
