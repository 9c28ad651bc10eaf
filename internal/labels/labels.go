// Package labels turns an image's labels into a tag: it expands templates such
// as {version}-{release}. It knows nothing of registries and images.
package labels

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A MissingError says that a template names a label that is not there.
type MissingError struct {
	Label string
	Have  []string // the labels that are there, sorted
}

// Error names the label and lists the labels there are.
func (e *MissingError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no label %q: there are no labels at all", e.Label)
	}
	return fmt.Sprintf("no label %q; the labels are %s", e.Label, strings.Join(e.Have, ", "))
}

// Expand gives the text that template stands for. A template without an
// opening brace is the plain name of a label. In any other one, {name} stands
// for the value of the label of that name, {{ and }} for single braces;
// {name!r} and {name:>8} convert and format as Python does with a text.
//
// A label that is there and empty is a value. A missing one is a *MissingError.
func Expand(template string, labels map[string]string) (string, error) {
	if !strings.Contains(template, "{") {
		return value(template, labels)
	}
	var out strings.Builder
	for rest := template; rest != ""; {
		text, after, err := expandOne(rest, labels)
		if err != nil {
			return "", wrap(template, err)
		}
		out.WriteString(text)
		rest = after
	}
	return out.String(), nil
}

// Check says whether Expand would take the template, given the labels it names.
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
			return wrap(template, err)
		}
		rest = after
	}
	return nil
}

// wrap says which template a mistake is in; a missing label is no mistake of
// the template and stays as it is.
func wrap(template string, err error) error {
	var missing *MissingError
	if errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("label template %q: %w", template, err)
}

// expandOne expands what rest starts with, and gives what follows it, also
// with an error about a missing label.
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
	text, err = field(rest[1:1+end], labels)
	return text, rest[end+2:], err
}

// field expands what stands between the braces.
func field(s string, labels map[string]string) (string, error) {
	name, conv, spec, err := splitField(s)
	if err != nil {
		return "", err
	}
	f, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	v, err := value(name, labels)
	if err != nil {
		return "", err
	}
	if conv == "r" || conv == "a" {
		v = quote(v, conv == "a")
	}
	return f.apply(v), nil
}

// splitField takes name!conv:spec apart. Label names hold dots and slashes but
// a template's field cannot: what is before the first dot or bracket is the
// name, and a text has no attributes to follow.
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

func value(name string, labels map[string]string) (string, error) {
	v, ok := labels[name]
	if !ok {
		return "", &MissingError{Label: name, Have: slices.Sorted(maps.Keys(labels))}
	}
	return v, nil
}
