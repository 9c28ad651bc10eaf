package yamlguard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// show writes a tree so that keys, texts and lists can be told apart.
func show(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode:
		var all []string
		for _, v := range n.Values {
			all = append(all, show(v.Key)+"="+show(v.Value))
		}
		return "{" + strings.Join(all, " ") + "}"
	case *ast.MappingValueNode:
		return "{" + show(n.Key) + "=" + show(n.Value) + "}"
	case *ast.SequenceNode:
		var all []string
		for _, v := range n.Values {
			all = append(all, show(v))
		}
		return "[" + strings.Join(all, " ") + "]"
	case *ast.NullNode:
		return "null"
	}
	return fmt.Sprintf("<%s>", n.GetToken().Value)
}

// A colon ends a key inside of { } only where YAML says so. The trees are those that
// PyYAML makes.
func TestColonsInFlow(t *testing.T) {
	for text, want := range map[string]string{
		"{ images: [quay.io/x/y:v1] }":                  "{<images>=[<quay.io/x/y:v1>]}",
		"{ a: [b:2 , c:3 ], d: e:4 }":                   "{<a>=[<b:2> <c:3>] <d>=<e:4>}",
		"{ a: [x@sha256:ab, y:1@sha256:cd] }":           "{<a>=[<x@sha256:ab> <y:1@sha256:cd>]}",
		"{ a: [10.0.0.1:80, 1:2, true:x, ::1, a:b:c] }": "{<a>=[<10.0.0.1:80> <1:2> <true:x> <::1> <a:b:c>]}",
		"{ OS::A::B: OS::Heat::None, c: d }":            "{<OS::A::B>=<OS::Heat::None> <c>=<d>}",
		"{ a: [{n: x:1}, {m: [y:2 z:3]}] }":             "{<a>=[{<n>=<x:1>} {<m>=[<y:2 z:3>]}]}",
		"{ a: [b:1, c: 2] }":                            "{<a>=[<b:1> {<c>=<2>}]}",
		"{ a: [x:\"y\"] }":                              "{<a>=[<x:\"y\">]}",
		"{ \"b\":c, 'd':[e] }":                          "{<b>=<c> <d>=[<e>]}",
		"{\n a: [\n b:1, # c\n http://h:80/p:q\n ]\n}":  "{<a>=[<b:1> <http://h:80/p:q>]}",
		"{ a: [b: :c, {d: ::e}] }":                      "{<a>=[{<b>=<:c>} {<d>=<::e>}]}",
		"{ OS::A: b # c\n }":                            "{<OS::A>=<b>}",
		"{ OS::A: b, # c\n OS::B: d }":                  "{<OS::A>=<b> <OS::B>=<d>}",
		"{ OS::A: [b], OS::B: {c: d}, OS::C: }":         "{<OS::A>=[<b>] <OS::B>={<c>=<d>} <OS::C>=null}",
		"{ b:c: d }":                                    "{<b:c>=<d>}",
	} {
		_, body, bad := yamlguard.Parse([]byte(text+"\n"), yamlguard.Options{})
		if bad != nil {
			t.Errorf("%s: %v at %v", text, bad, bad.Pos)
			continue
		}
		if got := show(body); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{`{ OS::A: "b, c" }`, "{ OS::A: &x b }", "{ OS::A: !!str b }"} {
		if _, body, bad := yamlguard.Parse([]byte(text), yamlguard.Options{}); bad == nil {
			t.Errorf("%s: read as %s", text, show(body))
		}
	}
	for text, col := range map[string]int{"{tls:disabled}": 5, "{ a: b, c:1 }": 10, "{ é:1 }": 4} {
		if _, _, bad := yamlguard.Parse([]byte(text), yamlguard.Options{}); bad == nil || bad.Pos.Col != col || !strings.Contains(bad.Msg, "a space is missing") {
			t.Errorf("%s: got %v", text, bad)
		}
		if _, _, bad := yamlguard.Parse([]byte(text), yamlguard.Options{Foreign: true}); bad != nil {
			t.Errorf("%s in a file of others: %v", text, bad)
		}
	}
}
