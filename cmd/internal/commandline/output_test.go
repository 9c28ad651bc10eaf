package commandline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/view"
)

// Machine output stays JSON, and holds nothing that a terminal obeys.
func TestMachineOutput(t *testing.T) {
	var out bytes.Buffer
	p := New("bayplan", "v1", &out, io.Discard)
	p.Secrets.Add("hunter2-x")
	if err := p.PrintLine(map[string]string{"a": "\x1b[2J\u009b\u202e\U000e0041\u2028 hunter2-x é"}); err != nil {
		t.Fatal(err)
	}
	want := `{"a":"\u001b[2J\u009b\u202e\udb40\udc41\u2028 [redacted] é"}` + "\n"
	if got := out.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// An output cleans what arrives in pieces, and keeps its first error.
func TestOutput(t *testing.T) {
	var out bytes.Buffer
	p := New("bayplan", "v1", &out, io.Discard)
	p.Secrets.Add("hunter2-x")
	for _, part := range []string{"a hunt", "er2", "-x b\nc", "\x1b", "[2J \xc3", "\xa9", " d"} {
		if _, err := io.WriteString(p.Stdout, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Stdout.flush(); err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "a [redacted] b\nc·[2J é d"; got != want || !utf8.ValidString(got) {
		t.Errorf("got %q, want %q", got, want)
	}
	full := errors.New("full")
	p = New("bayplan", "v1", failing{full}, io.Discard)
	fmt.Fprintln(p.Stdout, "x") // no caller has to look at the error
	if code := p.Exit(t.Context(), nil); code != exitcode.Failed {
		t.Errorf("code %d, want %d", code, exitcode.Failed)
	}
	if err := p.Stdout.flush(); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Spans are cleaned and masked each, and colours come after that. No text brings its own.
func TestPaint(t *testing.T) {
	spans := []view.Span{{Text: "\x1b[31mred\x1b[0m:", Color: view.Green}, {Text: " a…hunter2-x ± \x1b[2J\n"}, {Text: "one two three four\n", Color: view.Dim}}
	for _, tt := range []struct {
		name  string
		looks looks
		want  string
	}{
		{"a file", looks{}, "·[31mred·[0m: a…[redacted] ± ·[2J\none two three four\n"},
		{"colours", looks{color: true}, "\x1b[32m·[31mred·[0m:\x1b[0m a…[redacted] ± ·[2J\n\x1b[2mone two three four\n\x1b[0m"},
		{"ASCII", looks{ascii: true}, ".[31mred.[0m: a...[redacted] +- .[2J\none two three four\n"},
		{"a narrow terminal", looks{columns: func() int { return 13 }}, "·[31mred·[0m:\n  a…[redacted]\n  ± ·[2J\none two three\n  four\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			p := New("bayplan", "v1", &out, io.Discard)
			p.Secrets.Add("hunter2-x")
			p.Stdout.looks = tt.looks
			fmt.Fprint(p.Stdout, "half ")
			if err := p.Stdout.Paint(spans...); err != nil {
				t.Error(err)
			}
			if got, want := out.String(), "half "+tt.want; got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	full := errors.New("full")
	p := New("bayplan", "v1", failing{full}, io.Discard)
	if err := p.Stdout.Paint(spans...); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
