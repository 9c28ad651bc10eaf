package plan_test

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// The YAML library misreads these texts, so they are refused.
func TestMisreadTextsAreRefused(t *testing.T) {
	tests := []struct{ name, tag, want string }{
		{"tab", "a\tb", "a tab stands inside of a text without quotes"},
		{"comment between lines", "a\n        - b # c", "a comment stands inside of a text"},
		{"dash on a further line", "a\n        - b", "a line of this text begins with a -"},
		{"tab at a line's end", "'a\t\n        b'", "a tab stands at the end of a line"},
		{"escaped space at a line's end", "\"a\\ \n        b\"", "an escaped space or line end"},
		{"escaped line end before an empty line", "\"a \\\n\n        b\"", "an escaped space or line end"},
		{"spaces at the end of a block", "|-\n        a  ", "the last line of this text ends in spaces"},
		{"empty block", "|+\n", "the text that | or > announces is missing"},
		{"missing comma", "{ host: a tls: b }", "a : stands inside of a text"},
		{"missing comma before an empty value", "{ host: a tls: }", "a : stands inside of a text"},
		{"missing space", "{ host:a }", "a space is missing behind this :"},
		{"wrong bracket", "[a, b}]", "a bracket stands in a text"},
		{"tagged key", "{ !!str a: b }", "a key must be plain text"},
		{"tab in a key", "{ a\tb: c }", "a tab stands inside of a text without quotes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, errs := plan.Parse("bayplan.yaml", []byte(head+"    with:\n      tag: "+tt.tag+"\n"), plan.Options{})
			if len(errs) != 1 || !strings.Contains(errs[0].Msg, tt.want) || errs[0].Hint == "" || errs[0].Pos.Line < 9 {
				t.Errorf("got %q", messages(errs))
			}
		})
	}
	for _, style := range []string{"|", ">-"} {
		_, errs := plan.Parse("bayplan.yaml", []byte(head+"    with:\n      tag: "+style+"\n        a\n        b"), plan.Options{})
		if len(errs) != 1 || !strings.Contains(errs[0].Msg, "has no end") {
			t.Errorf("%s: got %q", style, messages(errs))
		}
	}
}

// Similar texts that the library reads correctly are accepted.
func TestTextsThatAreRead(t *testing.T) {
	tests := []struct{ name, tag, want string }{
		{"tab after the colon", "\ta", "a"},
		{"tab before a comment", "a\t# b", "a"},
		{"quoted tab", "\"a\tb\"", "a\tb"},
		{"tab in a block", "|\n        a\tb", "a\tb\n"},
		{"spaces inside a block", "|\n        a  \n        b", "a  \nb\n"},
		{"escaped line end", "\"a \\\n        b\"", "a b"},
		{"several lines", "a\n        b-c\n\n        d#e", "a b-c\nd#e"},
		{"quotes over lines", "'a\n        b'", "a b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c struct {
				Tag string `json:"tag"`
			}
			errs := with(t, "    with:\n      tag: "+tt.tag+"\n").Decode(&c, nil)
			if c.Tag != tt.want || len(errs) > 0 {
				t.Errorf("got %q, %q, want %q", c.Tag, messages(errs), tt.want)
			}
		})
	}
}
