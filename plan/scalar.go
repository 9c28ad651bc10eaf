package plan

import (
	"fmt"
	"regexp"
	"time"
)

// What plain scalars are by YAML 1.2's core schema, and the numbers of YAML
// 1.1, which half of the tools that may read the same file still follow.
var (
	yamlNull  = regexp.MustCompile(`^(~|null|Null|NULL)?$`)
	yamlBool  = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	yamlInt   = regexp.MustCompile(`^[-+]?([0-9][0-9_]*|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$`)
	yamlInf   = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// maxNumber is the longest text that is taken for a number.
const maxNumber = 400

// readsAs says what YAML takes an unquoted text for, or "" for text.
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

// A complaint is a mistake that has not been given its place yet.
type complaint struct{ msg, hint string }

// wantText gives a scalar's text, or what is wrong with it as text. name is
// how the message calls it, key what stands before the colon or "".
func (n *node) wantText(name, key string) (string, *complaint) {
	switch {
	case n.kind != isScalar:
		return "", &complaint{name + " must be text, is " + n.is(), ""}
	case n.null:
		return "", &complaint{name + " has no value", `give it one; write "" for empty text`}
	case n.reads != "":
		return "", &complaint{name + " must be text, but YAML reads it as " + n.reads, "quote it: write " + n.example(key)}
	}
	return n.text, nil
}

// example shows how to write the scalar as text.
func (n *node) example(key string) string {
	value := `"` + n.text + `"`
	if n.hush {
		value = `"..."`
	}
	if key == "" {
		return value
	}
	return key + ": " + value
}

// wantDuration gives the duration that a scalar's text means.
func (n *node) wantDuration(name, text string) (time.Duration, *complaint) {
	hint := "write it like 90s, 10m or 1h30m"
	switch {
	case n.kind != isScalar || n.null:
		return 0, &complaint{fmt.Sprintf("%s must be a duration, is %s", name, n.is()), hint}
	case digits.MatchString(text) && text != "0":
		return 0, &complaint{fmt.Sprintf("%s must be a duration, %s has no unit", name, n.quoted(text)), hint}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &complaint{fmt.Sprintf("%s must be a duration, %s is none", name, n.quoted(text)), hint}
	}
	return d, nil
}
