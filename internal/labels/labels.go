// Package labels turns an image's labels into a tag: it expands templates such
// as {version}-{release}. It does not know registries or images.
package labels

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A MissingError is the error of a template that names a missing label.
type MissingError struct {
	Label string
	Have  []string // the existing labels, sorted
}

// Error names the missing label and lists the existing ones.
func (e *MissingError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no label %q: there are no labels at all", e.Label)
	}
	return fmt.Sprintf("no label %q; the labels are %s", e.Label, strings.Join(e.Have, ", "))
}

// Expand returns the text of a template. A template without an opening brace is
// the plain name of a label. In any other template, {name} stands for the value
// of that label, and {{ and }} for single braces; {name!r} and {name:>8}
// convert and format a value as Python does.
//
// An empty label has the value "". A missing label gives a *MissingError.
func Expand(template string, labels map[string]string) (string, error) {
	if !strings.Contains(template, "{") {
		return lookup(template, labels)
	}
	var out strings.Builder
	for rest := template; rest != ""; {
		text, after, err := expandOne(rest, labels)
		if err != nil {
			return "", withTemplate(template, err)
		}
		out.WriteString(text)
		rest = after
	}
	return out.String(), nil
}

// Check reports a mistake in the template: an error that Expand would return
// whatever the labels are.
func Check(template string) error {
	if template == "" {
		return errors.New("a label name or a template like {version}-{release} is needed")
	}
	if !strings.Contains(template, "{") {
		return nil
	}
	for rest := template; rest != ""; {
		_, after, err := expandOne(rest, nil)
		var missing *MissingError
		if err != nil && !errors.As(err, &missing) {
			return withTemplate(template, err)
		}
		rest = after
	}
	return nil
}

// withTemplate adds the template to a mistake in it. A missing label is not a
// mistake of the template, and that error stays as it is.
func withTemplate(template string, err error) error {
	var missing *MissingError
	if errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("label template %q: %w", template, err)
}

// expandOne expands the first part of rest and returns the remainder. It
// returns the remainder together with an error about a missing label, too.
func expandOne(rest string, labels map[string]string) (text, after string, err error) {
	switch i := strings.IndexAny(rest, "{}"); {
	case i < 0:
		return rest, "", nil
	case i > 0:
		return rest[:i], rest[i:], nil
	case strings.HasPrefix(rest, "{{"):
		return "{", rest[2:], nil
	case strings.HasPrefix(rest, "}}"):
		return "}", rest[2:], nil
	case rest[0] == '}':
		return "", "", errors.New("single } without its {; write }} for a brace")
	}
	end := strings.IndexAny(rest[1:], "{}")
	if end < 0 || rest[1+end] == '{' {
		return "", "", errors.New("{ without its }; write {{ for a brace")
	}
	text, err = expandField(rest[1:1+end], labels)
	return text, rest[end+2:], err
}

// expandField expands s, the text between two braces.
func expandField(s string, labels map[string]string) (string, error) {
	name, conv, spec, err := splitField(s)
	if err != nil {
		return "", err
	}
	f, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	v, err := lookup(name, labels)
	if err != nil {
		return "", err
	}
	if conv == "r" || conv == "a" {
		v = pythonRepr(v, conv == "a")
	}
	return f.apply(v), nil
}

// splitField splits name!conv:spec. Labels may have dots in their names, but the
// names in a template may not: Python reads what follows a dot or a bracket as
// an attribute or an index, and a text has neither.
func splitField(s string) (name, conv, spec string, err error) {
	name = s
	if i := strings.IndexAny(s, "!:"); i >= 0 {
		name = s[:i]
		if s[i] == '!' {
			conv, spec, _ = strings.Cut(s[i+1:], ":")
			if conv != "r" && conv != "s" && conv != "a" {
				return "", "", "", fmt.Errorf("unknown conversion %q in {%s}; r, s and a are known", conv, s)
			}
		} else {
			spec = s[i+1:]
		}
	}
	first, more := name, ""
	if i := strings.IndexAny(name, ".["); i >= 0 {
		first, more = name[:i], name[i:]
	}
	switch {
	case name == "" || first == "" || strings.Trim(first, "0123456789") == "":
		return "", "", "", fmt.Errorf("{%s} names no label; labels are given by name, as in {version}", s)
	case more != "":
		return "", "", "", fmt.Errorf("{%s}: a label with %q in its name cannot be used in a template, only as a plain label name", s, more[:1])
	}
	return name, conv, spec, nil
}

func lookup(name string, labels map[string]string) (string, error) {
	v, ok := labels[name]
	if !ok {
		return "", &MissingError{Label: name, Have: slices.Sorted(maps.Keys(labels))}
	}
	return v, nil
}

// Names gives the labels that a template names, sorted.
func Names(template string) []string {
	have := map[string]string{}
	for range strings.Count(template, "{") + 1 { // each pass finds one
		_, err := Expand(template, have)
		var missing *MissingError
		if !errors.As(err, &missing) {
			break
		}
		have[missing.Label] = "1"
	}
	return slices.Sorted(maps.Keys(have))
}
