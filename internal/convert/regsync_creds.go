package convert

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// credentialNotes say why settings of a registry are left out.
var credentialNotes = map[string]string{
	"credHelper": "login: config uses the helpers that docker's config.json names",
	"credExpire": "bayplan asks for a login when it needs one",
	"credHost":   "login: config finds logins by the registry's host",
	"pathPrefix": "bayplan has no mirrors of registries",
	"mirrors":    "bayplan has no mirrors of registries",
	"priority":   "bayplan has no mirrors of registries",
	"repoAuth":   "bayplan asks for a token for each repository where that matters",
	"api":        "bayplan knows one API",
	"apiOpts":    "bayplan finds out what a registry can do",
	"blobChunk":  "bayplan finds out in which pieces a registry takes blobs",
	"blobMax":    "bayplan finds out in which pieces a registry takes blobs",
}

// regsyncCredentials reads how regsync reaches registries. A registry that no entry names is left
// out.
func (r *reader) regsyncCredentials(creds []yamlguard.Value) {
	for i, v := range creds {
		name := fmt.Sprintf("creds[%d]", i)
		pairs := r.fields(v, name)
		at := slices.IndexFunc(pairs, func(p yamlguard.Pair) bool { return p.Key == "registry" })
		if at < 0 {
			r.fail(r.open(v).Line, "%s has no registry", name)
			return
		}
		host := r.text(pairs[at].Value, name+".registry")
		if !r.plan.knows(host) {
			r.leftOut(pairs[at].Line, name, fmt.Sprintf("no entry names %s", host))
			continue
		}
		if c := r.plan.registry(host); r.describes(pairs[at].Line, name, c) {
			r.regsyncConnection(slices.Delete(slices.Clone(pairs), at, at+1), name, c)
		}
	}
}

// knows reports whether a host is one that entries name.
func (p *plan) knows(host string) bool {
	return slices.ContainsFunc(p.entries, func(e entry) bool {
		return sameHost(e.source.host, host) || sameHost(e.to, host)
	})
}

func sameHost(a, b string) bool { return hostname.Registry{Host: a}.Is(b) }

// regsyncConnection reads one registry of creds.
func (r *reader) regsyncConnection(pairs []yamlguard.Pair, name string, c *connection) {
	texts := map[string]yamlguard.Pair{}
	for _, p := range pairs {
		switch p.Key {
		case "tls":
			r.regsyncTLS(p, name, c)
		case "scheme":
			if r.text(p.Value, name+".scheme") == "http" {
				c.tls = "disabled"
			}
		case "user", "pass", "token", "regcert", "clientCert", "clientKey":
			if r.text(p.Value, name+"."+p.Key) != "" {
				texts[p.Key] = p
			}
		case "hostname":
			if host := r.text(p.Value, name+".hostname"); host != "" && !sameHost(c.host, host) {
				r.leftOut(p.Line, name+".hostname", "write address: HOST:PORT into the connection if the certificate there is for "+c.host)
			}
		case "reqPerSec":
			if n := r.number(p.Value, name+".reqPerSec"); n > 0 {
				c.rate = int(min(max(math.Round(n), 1), 100_000))
				if float64(c.rate) != n {
					r.differ(p.Line, "rate", "%s.reqPerSec becomes a whole number, %d.", name, c.rate)
				}
			}
		case "reqConcurrent":
			c.concurrency = int(min(r.number(p.Value, name+".reqConcurrent"), 64))
		default:
			r.credentialSetting(p, name)
		}
	}
	r.regsyncLogin(texts, name, c)
	r.regsyncFiles(texts, name, c)
}

func (r *reader) credentialSetting(p yamlguard.Pair, name string) {
	why, known := credentialNotes[p.Key]
	if !known {
		why = "regsync does not know it"
	}
	r.leftOut(p.Line, name+"."+p.Key, why)
}

func (r *reader) regsyncTLS(p yamlguard.Pair, name string, c *connection) {
	switch mode := r.text(p.Value, name+".tls"); strings.ToLower(mode) {
	case "", "enabled":
	case "insecure", "disabled":
		c.tls = strings.ToLower(mode)
	default:
		r.fail(p.Line, "%s.tls is %q, which is none of enabled, insecure and disabled", name, mode)
	}
}

// template is a text of regsync's files that is found elsewhere.
var template = lazyregexp.New("^\\{\\{-?\\s*(env|file)\\s+(?:\"([^\"\\\\]+)\"|`([^`]+)`)\\s*-?\\}\\}$")

// place says where a text is found: the kind env or file, and the name of the variable or
// of the file. A text that is no such template has the kind "".
func place(text string) (kind, where string) {
	m := template.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", ""
	}
	return m[1], m[2] + m[3]
}

// regsyncLogin reads user and password, or a token.
func (r *reader) regsyncLogin(texts map[string]yamlguard.Pair, name string, c *connection) {
	user, hasUser := texts["user"]
	pass, hasPassword := texts["pass"]
	token, hasToken := texts["token"]
	switch {
	case hasToken && !hasUser:
		c.token = r.secret(token, name+".token", c.id+"_token")
	case hasUser && hasPassword:
		kind, where := place(r.text(user.Value, ""))
		text := r.text(user.Value, "")
		if strings.Contains(text, "{{") {
			if kind == "" {
				r.leftOut(user.Line, name+".user", "of templates only env and file are known")
				return
			}
			id := c.id + "_user"
			r.plan.vars = append(r.plan.vars, id)
			r.differ(user.Line, id, "The user comes from the variable %s of the plan, not from %s: write it there, or set BAYPLAN_VAR_%s.", id, where, id)
			c.user = "${vars." + id + "}"
		} else {
			c.user = escape(text)
		}
		c.password = r.secret(pass, name+".pass", c.id+"_password")
		if c.password == "" {
			c.user = ""
		}
	case hasUser || hasPassword || hasToken:
		r.leftOut(max(user.Line, pass.Line, token.Line), "the login of "+name, "a login has a user and a password, or a token alone")
	}
}

// secret makes a secret of a text, whose value is not written into the plan. It gives
// its name.
func (r *reader) secret(p yamlguard.Pair, name, id string) string {
	text := r.text(p.Value, name)
	kind, where := place(text)
	if kind == "" {
		if strings.Contains(text, "{{") {
			r.leftOut(p.Line, name, "of templates only env and file are known")
			return ""
		}
		kind, where = "env", strings.ToUpper(id)
		r.differ(p.Line, id, "%s is not written into the plan: set the environment variable %s.", name, where)
	}
	r.plan.secrets = append(r.plan.secrets, secret{id, kind, where})
	return id
}

// regsyncFiles reads certificates, which a plan has in files.
func (r *reader) regsyncFiles(texts map[string]yamlguard.Pair, name string, c *connection) {
	file := func(key, setting string) string {
		p, ok := texts[key]
		if !ok {
			return ""
		}
		kind, where := place(r.text(p.Value, ""))
		if kind != "file" {
			r.leftOut(p.Line, name+"."+key, "write the PEM text into a file, and "+setting+": FILE into the connection "+strconv.Quote(c.id))
			return ""
		}
		return escape(where)
	}
	c.ca = file("regcert", "ca")
	c.cert, c.key = file("clientCert", "cert"), file("clientKey", "key")
	if (c.cert == "") != (c.key == "") {
		r.leftOut(0, "the client certificate of "+name, "a certificate and its key go together")
		c.cert, c.key = "", ""
	}
}
