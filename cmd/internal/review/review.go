// Package review is for those who look at a diff before it is applied: it shows how texts
// change, writes a diff as Markdown for a comment, keeps it in a file, and finds what is no
// longer as it was when it was kept. It knows neither how a diff is made nor flags.
package review

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/bayplan/bayplan/internal/human"
)

// maxText is the largest size of a text that is compared line by line.
const maxText = 4 << 20

// TextDiff returns how a text changes, as the lines of a unified diff without its headers, at
// most maxLines of them. The last line says what was left out. Texts that are equal, that are
// not text or that are longer than 4 MiB have no such lines, or one that says so.
func TextDiff(before, after string, maxLines int) []string {
	switch {
	case before == after:
		return nil
	case len(before) > maxText || len(after) > maxText:
		return []string{fmt.Sprintf("(%s and %s are too long to compare by lines)", human.Size(int64(len(before))), human.Size(int64(len(after))))}
	case !isText(before) || !isText(after):
		return []string{"(this is no text)"}
	}
	const headers = 3
	all := strings.Split(strings.TrimSuffix(string(diff.Diff("old", []byte(before), "new", []byte(after))), "\n"), "\n")
	lines := all[min(headers, len(all)):]
	if more := len(lines) - maxLines; more > 0 {
		return append(lines[:maxLines:maxLines], fmt.Sprintf("(%s more)", human.Count(more, "line", "lines")))
	}
	return lines
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// ShortDigest shortens a digest to the digits that people compare. It returns
// other values whole.
func ShortDigest(value string) string {
	const digits = 12
	algorithm, sum, _ := strings.Cut(value, ":")
	switch {
	case value == "":
		return "(none)"
	case (algorithm == "md5" || algorithm == "sha256" || algorithm == "sha512") && len(sum) > digits:
		return algorithm + ":" + sum[:digits] + "…"
	}
	return value
}
