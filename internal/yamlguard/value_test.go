package yamlguard

import (
	"fmt"
	"strings"
	"testing"
)

// flat writes a value on one line. It opens all values below it.
func flat(v Value) string {
	o, bad := v.Open()
	if bad != nil {
		return fmt.Sprintf("!%d %s", bad.Pos.Line, bad.Msg)
	}
	var parts []string
	switch o.Kind {
	case Null:
		return "null"
	case Scalar:
		if o.Plain {
			return o.Text
		}
		return "'" + o.Text + "'"
	case List:
		for _, item := range o.Items {
			parts = append(parts, flat(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	for _, p := range o.Pairs {
		parts = append(parts, p.Key+":"+flat(p.Value))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// The expected values are those of PyYAML 6.0, except for the order of keys, and where it
// refuses the whole file.
func TestValue(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "null"},
		{"scalars", "a: 1\nb: 'x'\nc: \"y\"\nd: z\ne:\nf: ~\n", "{a:1 b:'x' c:'y' d:z e:null f:null}"},
		{"blocks", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a:'x\ny\n' b:'x y'}"},
		{"one pair", "a: b", "{a:b}"},
		{"the last of equal keys", "a: 1\nb: 2\na: 3\n", "{a:3 b:2}"},
		{"the last of equal keys in braces", "{a: {x: 1}, a: {y: 2}}", "{a:{y:2}}"},
		{"merge", "m: &m {a: 1, b: 2}\nv:\n  <<: *m\n  a: 3\n", "{m:{a:1 b:2} v:{a:3 b:2}}"},
		{"a merge below the keys", "m: &m {a: 1, b: 2}\nv:\n  a: 3\n  <<: *m\n", "{m:{a:1 b:2} v:{a:3 b:2}}"},
		{"merge of a list", "m: &m {a: 1}\nn: &n {a: 2, b: 2}\nv: {<<: [*m, *n]}\n", "{m:{a:1} n:{a:2 b:2} v:{a:1 b:2}}"},
		{"two merges", "m: &m {a: 1}\nn: &n {a: 2, b: 2}\nv:\n  <<: *m\n  <<: *n\n", "{m:{a:1} n:{a:2 b:2} v:{a:2 b:2}}"},
		{"merge of a merge", "m: &m {a: 1, c: 1}\nn: &n {<<: *m, a: 2}\nv: {<<: *n, b: 3}\n", "{m:{a:1 c:1} n:{a:2 c:1} v:{a:2 c:1 b:3}}"},
		{"an anchor given again", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{a:1 b:1 c:2 d:2}"},
		{"alias as a key", "a: &x k\n*x : v\n", "{a:k k:v}"},
		{"tags", "a: !!str 1\nb: !!str ~\nc: !!map {d: e}\n", "{a:'1' b:'' c:{d:e}}"},
		{"a mistake elsewhere", "a: *none\nb: {<<: 1}\nc: d\n", "{a:!1 there is no anchor for an alias b:!2 << takes a mapping or a list of them, this is a single value c:d}"},
		{"an alias of itself", "a: &a [*a]\n", "{a:[!1 there is no anchor for an alias]}"},
		{"a key that is a list", "a: &x [b]\nc: {*x : d}\n", "{a:[b] c:!2 a key must be a text, this is a list}"},
		{"a tab in a text", "a: b\tc\nd: e\n", "{a:!1 a tab stands inside of a text without quotes d:e}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, bad := ParseValue([]byte(tt.text), Options{})
			if bad != nil {
				t.Fatal(bad)
			}
			if got := flat(v); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The expected answers are those of PyYAML 6.0: what str gives for the value.
func TestChanges(t *testing.T) {
	for text, want := range map[string]bool{
		"0123": true, "1_000": true, "12:30": true, "1.10": true, "1e3": false, "1.0": false, ".5": true, "+5": true, "0x1F": true,
		"0o17": false, "-0": true, "1.": true, "yes": false, "2024-01-01": false, "1.5e+3": true, "0.00001": true, "0.0001": false, "09": false, "0b11": true,
		"00": true, "-1": false, "1.2.3": false, "0": false, "12": false, ".": false, "a": false,
	} {
		o := Opened{Kind: Scalar, Text: text, Plain: true}
		if got := o.Changes(); got != want {
			t.Errorf("%q changes: got %v", text, got)
		}
		if o.Plain = false; o.Changes() {
			t.Errorf("%q changes in quotes", text)
		}
	}
}

func TestBool(t *testing.T) {
	for text, want := range map[string]string{"yes": "true true", "Off": "false true", "NO": "false true", "true": "true true", "y": "false false", "1": "false false", "": "false false"} {
		value, ok := Opened{Kind: Scalar, Text: text, Plain: true}.Bool()
		if got := fmt.Sprint(value, ok); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
