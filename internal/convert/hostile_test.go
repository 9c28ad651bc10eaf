package convert

import (
	"strings"
	"testing"
)

// A connection has one login, though a file says more than once how its registry is reached.
func TestOneLogin(t *testing.T) {
	for name, tt := range map[string]struct{ text, want, note string }{
		"regsync": {`
sync: [{ source: "a.example/b:1", target: "c.example/b:1", type: image }]
creds: [{ registry: a.example, user: one, pass: p }, { registry: "A.example:443", user: two, pass: p }]`, "one", "creds[1] is left out: creds[0] says how the same registry is reached"},
		"a token and a password": {`
sync: [{ source: "a.example/b:1", target: "c.example/b:1", type: image }]
creds: [{ registry: a.example, user: one, pass: p }, { registry: a.example, token: t }]`, "one", "creds[1] is left out"},
		"skopeo": {`
docker.io: { images: { a: ["1"] }, credentials: { username: one, password: p } }
index.docker.io: { images: { b: ["1"] }, credentials: { username: two, password: p } }`, "one", "index.docker.io is left out: docker.io says how the same registry is reached"},
		"only the second one says it": {`
docker.io: { images: { a: ["1"] } }
index.docker.io: { images: { b: ["1"] }, credentials: { username: two, password: p } }`, "two", ""},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := Convert([]byte(tt.text), Options{File: "x.yml"})
			if err != nil {
				t.Fatal(err)
			}
			if text := string(made.Plan); strings.Count(text, "_password: {") != 1 || !strings.Contains(text, "user: "+tt.want+"\n") || strings.Contains(text, "token") {
				t.Errorf("got\n%s", text)
			}
			told := ""
			for _, n := range made.Notes {
				told += n.Text + "\n"
			}
			if !strings.Contains(told, tt.note) {
				t.Errorf("got notes\n%s", told)
			}
		})
	}
}

// An expression with \Q and without \E takes nothing with it that stands behind it.
func TestOpenQuotation(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"a repository that is denied": {`
sync: [{ source: a.example, target: c.example, type: registry, repos: { allow: [a, b], deny: ['a|\Qc'] } }]`, "- from: a.example/b\n"},
		"a tag that is allowed": {`
sync: [{ source: a.example/b, target: c.example/b, type: repository, tags: { allow: ['\Q1.0'] } }]`, `match: '.*(?:^\Q1.0$\E).*'`},
		"skopeo": {`
a.example: { images-by-tag-regex: { b: '\Q1.0' } }`, `match: '.*\Q1.0\E.*'`},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := Convert([]byte(tt.text), Options{File: "x.yml"})
			if err != nil || !strings.Contains(string(made.Plan), tt.want) || strings.Contains(string(made.Plan), "a.example/a\n") {
				t.Errorf("%v, got\n%s", err, made.Plan)
			}
		})
	}
}
