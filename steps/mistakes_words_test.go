package steps_test

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// The messages about common slips say what to write, and each slip has one message.
func TestWordsOfMistakes(t *testing.T) {
	const noSteps = "steps:\n  a: { type: mkdir, with: { paths: [x] } }\n"
	registry := func(settings string) string {
		return "connections:\n  registries:\n    r: { host: h, " + settings + " }\n" + noSteps
	}
	for name, tt := range map[string]struct{ text, want string }{
		"a word that YAML reads as false":               {registry("tls: false"), "tls must be text, but YAML reads it as true or false [write tls: disabled]"},
		"and as true":                                   {registry("tls: true"), "tls must be text, but YAML reads it as true or false [write tls: verify]"},
		"a word that only other programs read as false": {registry("tls: \"no\""), `"no" is not one of verify, insecure, disabled [write disabled]`},
		"a word of none of the choices":                 {registry("tls: skip"), `"skip" is not one of verify, insecure, disabled []`},
		"a key of other programs":                       {"steps:\n  a: { type: mkdir, depends_on: [b], with: { paths: [x] } }\n  b: { type: mkdir, with: { paths: [y] } }\n", `unknown key "depends_on" in step "a" [did you mean needs?]`},
		"a key of other programs in a connection":       {registry("tls_verify: false"), `unknown key "tls_verify" in registry "r" [did you mean tls?]`},
		"a pattern of a shell": {
			"steps:\n  a: { type: mirror, with: { images: [{from: h.example.com/a, tags: {match: \"*\"}}], to: {layout: l} } }\n",
			"error parsing regexp: missing argument to repetition operator: `*` [it is a regular expression, in which .* stands for any text]",
		},
		"a number for a word": {
			"steps:\n  a: { type: mirror, with: { images: [h.example.com/a:1], to: {layout: l}, signatures: 1 } }\n",
			"signatures must be text, but YAML reads it as a number [write one of ignore, copy, require]",
		},
		"a secret that is wrong":         {"secrets: { t: { evn: X } }\n" + registry("user: u, password: \"${secrets.t}\""), `unknown key "evn" in secret "t" [did you mean env?]`},
		"a secret with a wrong kind":     {"secrets: { t: X }\n" + registry("user: u, password: \"${secrets.t}\""), `secret "t" must say where to find it [write {env: VARIABLE} or {file: PATH}]`},
		"a secret with a hyphen":         {"secrets: { red-hat: { env: X } }\n" + registry("user: u, password: \"${secrets.red_hat}\""), `"red-hat" cannot be the name of a secret [secret names begin with a letter and consist of lower-case letters, digits and _: write red_hat]`},
		"a longer name of a key":         {registry("username: u"), `unknown key "username" in registry "r" [did you mean user?]`},
		"a setting beside with":          {"steps:\n  a: { type: fetch, url: x, with: { to: f, url: \"https://h/f\" } }\n", `unknown key "url" in step "a" [did you mean with: { url: ... }?]`},
		"settings that are not indented": {"steps:\n  a:\n    type: mkdir\n    with:\n    paths: [x]\n", `with must be a mapping, is empty [indent what belongs to with, or remove the key]`},
		"a list of steps":                {"steps:\n- id: a\n  type: mkdir\n", `steps must be a mapping, is a list [write NAME: in place of "- id: NAME"]`},
		"another beginning":              {"steps:\n  a: { type: mkdir, with: { paths: [\"${var.x}\"] } }\n", `${var.x}: a reference begins with vars., each., steps. or secrets. [did you mean ${vars.NAME}?]`},
		"a password alone":               {"secrets: { t: { env: X } }\n" + registry("password: \"${secrets.t}\""), "password is given without user []"},
	} {
		p, errs := plan.Parse("p.yaml", []byte("apiVersion: bayplan/v1\nname: p\n"+tt.text), plan.Options{})
		if p != nil {
			out, more := connections.Connect(p)
			errs = append(errs, more...)
			_, more = runner.Check(p, steps.Builtin(out), errs...)
			errs = append(errs, more...)
		}
		var got []string
		for _, e := range errs {
			got = append(got, e.Msg+" ["+e.Hint+"]")
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), tt.want)
		}
	}
}
