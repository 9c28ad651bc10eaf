package fault

import "strings"

// A lister is an error whose text has several lines on purpose.
type lister interface{ IsList() }

// A masker is an error whose text is that of the error that it wraps, with parts masked.
type masker interface {
	Mask(text string) string
	Unwrap() error
}

// Text returns the text of an error for people. Joined errors have a line each. A line end elsewhere,
// such as in the name of a file, becomes a dot: else a name could say what looks like a line of the
// program.
func Text(err error) string {
	rest := err.Error()
	if !strings.Contains(rest, "\n") {
		return rest
	}
	switch e := err.(type) { //nolint:errorlint // the recursion unwraps
	case lister:
		return rest
	case masker:
		return e.Mask(Text(e.Unwrap()))
	}
	if all := Joined(err); len(all) > 1 {
		lines := make([]string, len(all))
		for i, one := range all {
			lines[i] = Text(one)
		}
		return strings.Join(lines, "\n")
	}
	text := ""
	for _, cause := range causes(err) {
		if cause == nil {
			continue
		}
		if before, after, found := strings.Cut(rest, cause.Error()); found {
			text, rest = text+oneLine(before)+Text(cause), after
		}
	}
	return text + oneLine(rest)
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "·") }
