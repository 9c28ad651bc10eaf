// Package textdiff shows how texts change, line by line. It does not know what the texts
// are or where the lines go.
package textdiff

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/bayplan/bayplan/internal/human"
)

// maxText is the largest size of a text that is compared line by line.
const maxText = 4 << 20

// Lines returns how a text changes, as the lines of a unified diff without its headers, at
// most most of them. The last line says what was left out. Texts that are equal, that are
// not text or that are longer than 4 MiB have no such lines, or one that says so.
func Lines(before, after string, most int) []string {
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
	if more := len(lines) - most; more > 0 {
		return append(lines[:most:most], fmt.Sprintf("(%s more)", human.Count(more, "line", "lines")))
	}
	return lines
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
