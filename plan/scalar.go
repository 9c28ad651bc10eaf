package plan

import (
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// Plain scalars that are not text: those of YAML 1.2's core schema, and the
// numbers of YAML 1.1, which half of the tools that may read the same file still
// use.
var (
	yamlNull  = lazyregexp.New(`^(~|null|Null|NULL)?$`)
	yamlBool  = lazyregexp.New(`^(true|True|TRUE|false|False|FALSE)$`)
	yamlInt   = lazyregexp.New(`^[-+]?([0-9][0-9_]*|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)$`)
	yamlFloat = lazyregexp.New(`^[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$`)
	yamlInf   = lazyregexp.New(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// maxNumber is the length of the longest text that readsAs takes for a number.
const maxNumber = 400

// readsAs returns what YAML reads an unquoted scalar as, or "" for text.
func readsAs(raw string) string {
	switch {
	case yamlNull.MatchString(raw):
		return "empty"
	case yamlBool.MatchString(raw):
		return "true or false"
	case len(raw) > maxNumber:
		return ""
	case yamlInt.MatchString(raw), yamlFloat.MatchString(raw), yamlInf.MatchString(raw):
		return "a number"
	}
	return ""
}

// A problem is a mistake without its place.
type problem struct{ msg, hint string }

// wantText returns a scalar's text, or the problem if it is not text. name is what
// the message calls the value; key is the value's key, or "".
func (n *node) wantText(name, key string) (string, *problem) {
	switch {
	case n.kind != isScalar:
		return "", &problem{name + " must be text, is " + n.describe(), ""}
	case n.null:
		return "", &problem{name + " has no value", `give it one; write "" for empty text`}
	case n.yamlType != "":
		return "", &problem{name + " must be text, but YAML reads it as " + n.yamlType, "quote it: write " + n.example(key)}
	}
	return n.text, nil
}

// example returns how to write the scalar as text.
func (n *node) example(key string) string {
	value := `"` + n.text + `"`
	if n.sensitive {
		value = `"..."`
	}
	if key == "" {
		return value
	}
	return key + ": " + value
}

// wantDuration parses a scalar's text as a duration.
func (n *node) wantDuration(name, text string) (time.Duration, *problem) {
	hint := "write it like 90s, 10m or 1h30m"
	switch {
	case n.kind != isScalar || n.null:
		return 0, &problem{fmt.Sprintf("%s must be a duration, is %s", name, n.describe()), hint}
	case digits.MatchString(text) && text != "0":
		return 0, &problem{fmt.Sprintf("%s must be a duration, %s has no unit", name, n.quoted(text)), hint}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &problem{fmt.Sprintf("%s must be a duration, %s is not one", name, n.quoted(text)), hint}
	}
	return d, nil
}
