package tripleo

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// yamlScalar writes a text as PyYAML does. The text is plain unless a reader of
// YAML 1.1 would read it as something else. Otherwise it is in single quotes, or in
// double quotes if it has characters that single quotes cannot hold.
func yamlScalar(s string) string {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	case isPlain(s):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func isPlain(s string) bool {
	switch {
	case s == "", notText.MatchString(s):
		return false
	case strings.ContainsRune("#,[]{}&*!|>'\"%@`", rune(s[0])):
		return false
	case strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.TrimSpace(s) != s:
		return false
	case s == "-" || s == "?" || strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "? ") || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "..."):
		return false
	}
	return !strings.HasSuffix(s, ":")
}

// notText matches what YAML 1.1 reads as a boolean, a null, a number, a time,
// a merge key or a default value.
var notText = lazyregexp.New(`^(?:` + strings.Join([]string{
	`yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF`,
	`~|null|Null|NULL|<<|=`,
	`[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9A-Fa-f_]+`,
	`[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+`,
	`[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?`,
	`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*`,
	`[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
	`[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[Tt][0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?)?`,
}, "|") + `)$`)
