package labels

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sample = map[string]string{"version": "13.0", "release": "40", "build-date": "2018-07-09", "empty": "", "quote": "it's"}

func TestExpand(t *testing.T) {
	tests := map[string]struct{ template, want string }{
		"two labels":            {"{version}-{release}", "13.0-40"},
		"a hyphen in the name":  {"{build-date}", "2018-07-09"},
		"a plain label name":    {"version", "13.0"},
		"braces":                {"{{{version}}}", "{13.0}"},
		"only braces":           {"{{x}}", "{x}"},
		"right-aligned":         {"{version:>6}", "  13.0"},
		"left-aligned is usual": {"{version:6}|", "13.0  |"},
		"centred with a fill":   {"{version:*^9}", "**13.0***"},
		"zeros on the left":     {"{release:0>4}", "0040"},
		"precision":             {"{version:.2}", "13"},
		"an explicit s":         {"{version:>6s}", "  13.0"},
		"repr":                  {"{version!r}", "'13.0'"},
		"repr with a quote":     {"{quote!r}", `"it's"`},
		"repr, then formatted":  {"{release!r:>6}", "  '40'"},
		"str":                   {"{version!s}", "13.0"},
		"an empty label":        {"a{empty}b", "ab"},
		"an empty plain label":  {"empty", ""},
		"text around":           {"v{version}", "v13.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Expand(tt.template, sample)
			if err != nil || got != tt.want {
				t.Errorf("Expand(%q) = %q, %v, want %q", tt.template, got, err, tt.want)
			}
			if err := Check(tt.template); err != nil {
				t.Errorf("Check(%q): %v", tt.template, err)
			}
		})
	}
}

func TestExpandMissing(t *testing.T) {
	for template, label := range map[string]string{
		"{version}-{nope}": "nope",
		"nope":             "nope",
		"a}":               "a}", // without an opening brace it is a name
		"{ version}":       " version",
	} {
		_, err := Expand(template, sample)
		var missing *MissingError
		if !errors.As(err, &missing) {
			t.Fatalf("Expand(%q): %v, want a MissingError", template, err)
		}
		want := &MissingError{Label: label, Have: []string{"build-date", "empty", "quote", "release", "version"}}
		if diff := cmp.Diff(want, missing); diff != "" {
			t.Errorf("Expand(%q) (-want +got):\n%s", template, diff)
		}
		if err := Check(template); err != nil {
			t.Errorf("Check(%q): %v", template, err)
		}
	}
	_, err := Expand("x", nil)
	if err == nil || !strings.Contains(err.Error(), "no labels at all") {
		t.Errorf("no labels: %v", err)
	}
}

func TestExpandMistakes(t *testing.T) {
	tests := map[string]struct{ template, want string }{
		"not closed":         {"{version", "{ without its }"},
		"not opened":         {"{version}}", "single }"},
		"nested":             {"{a{b}}", "{ without its }"},
		"empty":              {"{}", "names no label"},
		"a number":           {"{0}", "names no label"},
		"an attribute":       {"{version.real}", `"."`},
		"an index":           {"{version[0]}", `"["`},
		"a dotted label":     {"{com.redhat.component}", "plain label name"},
		"unknown conversion": {"{version!x}", `conversion "x"`},
		"a number's format":  {"{version:d}", `"d" is not a text format`},
		"a sign":             {"{version:+}", "not a text format"},
		"a huge width":       {"{version:>99999999999}", "more than 1000"},
		"no precision":       {"{version:.s}", "after the dot"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Expand(tt.template, sample)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "label template") {
				t.Errorf("Expand(%q): %v, want %q", tt.template, err, tt.want)
			}
			if cerr := Check(tt.template); cerr == nil || cerr.Error() != err.Error() {
				t.Errorf("Check(%q): %v, want %v", tt.template, cerr, err)
			}
		})
	}
	if Check("") == nil {
		t.Error("Check accepts an empty template")
	}
}

func TestQuote(t *testing.T) {
	tests := map[string]struct {
		in    string
		ascii bool
		want  string
	}{
		"control":   {"a\n\t\r\x01", false, `'a\n\t\r\x01'`},
		"both":      {`'"`, false, `'\'"'`},
		"backslash": {`\`, false, `'\\'`},
		"umlaut":    {"ü", false, "'ü'"},
		"ascii":     {"ü€😀", true, `'\xfc\u20ac\U0001f600'`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := pythonRepr(tt.in, tt.ascii); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for template, want := range map[string]string{
		"version": "version", "{version}-{release}": "release version", "{a!r}{{x}}{a:>8}": "a", "none}": "none}", "": "",
	} {
		if got := strings.Join(Names(template), " "); got != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}
