package convert

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// A plan's expressions match a whole tag. These functions write those of other programs
// so that they match the same tags.

// anchored gives the expression that matches all of a tag where ^text$ matches, as regsync
// writes it: with an alternative at its top, text is anchored at one end only.
func anchored(text string) (string, error) {
	if _, err := regexp.Compile(text); err != nil {
		return "", err
	}
	whole := "^" + text + "$"
	if _, err := regexp.Compile(whole); err != nil {
		return "", err
	}
	if same(whole, "^(?:"+text+")$") {
		return text, nil
	}
	return ".*(?:" + whole + ").*", nil
}

// searched gives the expression that matches all of a tag where text matches any part.
func searched(text string) (string, error) {
	if _, err := regexp.Compile(text); err != nil || text == "" {
		return ".*", err
	}
	inner, begins := strings.CutPrefix(text, "^")
	inner, ends := strings.CutSuffix(inner, "$")
	before, after, head, tail := "", "", ".*", ".*"
	if begins {
		before, head = "^", ""
	}
	if ends {
		after, tail = "$", ""
	}
	if same(text, before+"(?:"+inner+")"+after) {
		if text == inner {
			inner = group(inner)
		}
		return head + inner + tail, nil
	}
	return ".*(?:" + text + ").*", nil
}

// group puts an expression in brackets if what stands beside it would change it.
func group(text string) string {
	if same(".*"+text+".*", ".*(?:"+text+").*") {
		return text
	}
	return "(?:" + text + ")"
}

// same reports whether two expressions are read as the same one.
func same(a, b string) bool {
	x, err := syntax.Parse(a, syntax.Perl)
	if err != nil {
		return false
	}
	y, err := syntax.Parse(b, syntax.Perl)
	return err == nil && x.String() == y.String()
}
