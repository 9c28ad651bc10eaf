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
	whole := closed("^" + text + "$")
	if same(whole, "^(?:"+text+")$") {
		return checked(text)
	}
	return checked(".*(?:" + whole + ").*")
}

// closed ends what \Q quotes, if an expression leaves that open, so that more can follow.
func closed(text string) string {
	if _, err := syntax.Parse("(?:"+text+")", syntax.Perl); err != nil {
		return text + `\E`
	}
	return text
}

// checked gives an expression, or an error if no plan takes it: one that was as large as
// can be has grown.
func checked(text string) (string, error) {
	_, err := regexp.Compile("^(?:" + text + ")$")
	return text, err
}

// searched gives the expression that matches all of a tag where text matches any part.
func searched(text string) (string, error) {
	if _, err := regexp.Compile(text); err != nil || text == "" {
		return ".*", err
	}
	text = closed(text)
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
		return checked(head + inner + tail)
	}
	return checked(".*(?:" + text + ").*")
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
