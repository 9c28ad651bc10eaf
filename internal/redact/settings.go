package redact

import (
	"net/url"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// setting matches a name with its value on one line of YAML, JSON or an ini file. It
// ignores the structure of the file: it must also work on a file that is damaged.
var setting = lazyregexp.New(`["']?([A-Za-z0-9_.-]+)["']?[ \t]*[:=][ \t]*([^\r\n]+)`)

// valueBelow matches a name whose value begins on the next line, also as a block of YAML.
var valueBelow = lazyregexp.New(`^[ \t-]*["']?([A-Za-z0-9_.-]+)["']?[ \t]*:[ \t]*(?:[|>][-+0-9]*)?[ \t]*\r?\n$`)

// AddSettings makes the values of the secret settings in a file known, before
// something reads the file and quotes a value in an error.
func (r *Redactor) AddSettings(file string) {
	if r == nil {
		return
	}
	above := false // the name of a secret ends the line before
	for line := range strings.Lines(file) {
		if above && !setting.MatchString(line) {
			r.addValue(strings.TrimSpace(line))
		}
		name := valueBelow.FindStringSubmatch(line)
		above = name != nil && SecretName(name[1])
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

// proxyNames are the variables that name proxies.
var proxyNames = [...]string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY"}

// AddProxies makes the logins of proxies in an environment known, also where an address
// is no valid URL: the error about it quotes the address.
func (r *Redactor) AddProxies(environment []string) {
	for _, line := range environment {
		name, address, _ := strings.Cut(line, "=")
		if !slices.Contains(proxyNames[:], strings.ToUpper(name)) {
			continue
		}
		if _, rest, ok := strings.Cut(address, "://"); ok {
			address = rest
		}
		login := address[:max(0, strings.LastIndex(address, "@"))]
		user, password, ok := strings.Cut(login, ":")
		if !ok {
			r.Add(user) // a token
		}
		r.AddLogin(user, password)
		if plain, err := url.PathUnescape(password); err == nil {
			r.AddLogin(user, plain)
		}
	}
}
