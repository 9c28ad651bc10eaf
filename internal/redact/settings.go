package redact

import (
	"regexp"
	"strings"
)

// setting matches a name with its value on one line of YAML, JSON or an ini file. It
// ignores the structure of the file: it must also work on a file that is damaged.
var setting = regexp.MustCompile(`["']?([A-Za-z0-9_.-]+)["']?[ \t]*[:=][ \t]*([^\r\n]+)`)

// AddSettings makes the values of the secret settings in a file known, before
// something reads the file and quotes a value in an error.
func (r *Redactor) AddSettings(file string) {
	if r == nil {
		return
	}
	for line := range strings.Lines(file) {
		for rest := line; ; {
			m := setting.FindStringSubmatchIndex(rest)
			if m == nil {
				break
			}
			if name, value := rest[m[2]:m[3]], rest[m[4]:m[5]]; SecretName(name) {
				r.addValue(value)
			}
			rest = rest[m[4]:] // a value may be a mapping with further names
		}
	}
}

// addValue makes a value known as it is written and as it may be read: without its
// comment, its quotes, its anchor or alias, and what follows it in a mapping.
func (r *Redactor) addValue(value string) {
	uncommented, _, _ := strings.Cut(value, " #")
	first, _, _ := strings.Cut(uncommented, ",")
	for _, v := range [...]string{value, uncommented, first} {
		v = strings.Trim(v, " \t,{}[]")
		if len(v) < asWord {
			continue
		}
		r.Add(v)
		if bare := strings.Trim(v, `"'*&!|>`); len(bare) >= asWord {
			r.Add(bare)
		}
	}
}
