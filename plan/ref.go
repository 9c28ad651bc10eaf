package plan

import (
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A part is a piece of a text: a literal, or a reference if ref is not nil.
type part struct {
	lit string
	ref *reference
}

// A reference is one ${...}: its head is vars, each, steps or secrets.
type reference struct {
	head  string
	names []string // vars: name and perhaps key; each: key or value; secrets: name; steps: step and output
	pos   Pos

	bracket string // of a repeated step: "each.key", or a key in quotes; "" for others
	step    string // the address of the step, after fill; "" as long as its key is not known
}

// heads are the kinds of references and their forms.
var heads = []struct{ head, form string }{
	{"vars", "${vars.NAME}"},
	{"each", "${each.key} or ${each.value}"},
	{"steps", "${steps.ID.OUTPUT}"},
	{"secrets", "${secrets.NAME}"},
}

var (
	refName = lazyregexp.New(`^[a-z][a-z0-9_]*$`)
	refPath = lazyregexp.New(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	refKey  = lazyregexp.New(`^"[A-Za-z0-9][A-Za-z0-9._-]*"$`)
	refStep = lazyregexp.New(`^(steps\.[A-Za-z0-9_-]+)\[([^\[\]]*)\](\..*)?$`)
)

// splitRefs splits a scalar into literals and references. $${ is a literal ${; any
// other $ is a literal $. It calls fail for each mistake and leaves that part out.
func splitRefs(n *node, fail func(Pos, *problem)) []part {
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
			fail(pos, &problem{"this ${ is never closed", "write $${ for a literal ${"})
			return nil
		}
		ref, wrong := parseRef(inside, n.sensitive)
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

// mark returns the place of the i-th ${ in a scalar.
func (n *node) mark(i int) Pos {
	if i < len(n.marks) {
		return n.marks[i]
	}
	return n.pos
}

// parseRef parses the text between ${ and }. Messages quote a malformed text only
// if it is not sensitive.
func parseRef(inside string, hush bool) (*reference, *problem) {
	shown := "${" + inside + "}"
	if hush || len(shown) > 60 {
		shown = "this reference"
	}
	switch {
	case inside == "":
		return nil, &problem{"${} names nothing", "write $${ for a literal ${"}
	case strings.Contains(inside, "${"):
		return nil, &problem{"references cannot be nested", ""}
	case strings.ContainsAny(inside, " \t\n"):
		return nil, &problem{shown + " holds a space", "a reference is a dotted path and nothing else"}
	}
	bracket := ""
	if match := refStep.FindStringSubmatch(inside); match != nil {
		inside, bracket = match[1]+match[3], match[2]
		if bracket != eachKey && !refKey.MatchString(bracket) {
			return nil, &problem{shown + `: a bracket holds each.key or a key in quotes, as ["edge1"]`, ""}
		}
	}
	if !refPath.MatchString(inside) {
		return nil, &problem{shown + " is not a dotted path", "write $${ for a literal ${"}
	}
	ref, wrong := parsePath(shown, strings.Split(inside, "."))
	if ref != nil {
		ref.bracket = bracket
	}
	return ref, wrong
}

// eachKey stands in a bracket for the key of the instance.
const eachKey = "each.key"

// parsePath makes a reference from the names between its dots. The key of a
// variable may hold dots itself.
func parsePath(shown string, names []string) (*reference, *problem) {
	form := headForm(names[0])
	if form == "" {
		return nil, &problem{shown + ": a reference begins with vars., each., steps. or secrets.", headHint(names[0])}
	}
	check := names[1:]
	if names[0] == "vars" && len(names) > 2 {
		names = []string{"vars", names[1], strings.Join(names[2:], ".")}
		check = names[1:2]
	} else if len(names) != strings.Count(form[:strings.Index(form, "}")], ".")+1 {
		return nil, &problem{shown + " is not of the form " + form, ""}
	}
	for _, name := range check {
		if !refName.MatchString(name) {
			return nil, &problem{shown + " holds an invalid name", "names begin with a letter and consist of lower-case letters, digits and _"}
		}
	}
	if names[0] == "each" && names[1] != "key" && names[1] != "value" {
		return nil, &problem{shown + " is not of the form " + form, ""}
	}
	return &reference{head: names[0], names: names[1:]}, nil
}

// String returns the reference as it stands in a plan, with the key of an instance
// in place of each.key.
func (ref *reference) String() string {
	names := strings.Join(ref.names, ".")
	if ref.step != "" {
		names = ref.step + "." + ref.names[1]
	}
	return "${" + ref.head + "." + names + "}"
}

// headForm returns the form of references with a head, or "" for an unknown head.
func headForm(head string) string {
	for _, h := range heads {
		if h.head == head {
			return h.form
		}
	}
	return ""
}

func headHint(head string) string {
	if near := human.Suggest(head, []string{"vars", "each", "steps", "secrets"}); near != "" {
		return "did you mean " + headForm(near) + "?"
	}
	return "write $${ for a literal ${"
}

// wholeRef returns the reference that makes up a whole scalar, or nil.
func wholeRef(parts []part) *reference {
	if len(parts) == 1 {
		return parts[0].ref
	}
	return nil
}
