package view

import (
	"bytes"
	"testing"
)

func TestRelativePaths(t *testing.T) {
	for _, tt := range []struct{ name, dir, text, want string }{
		{"below", "/home/stack", "made /home/stack/images\n", "made images\n"},
		{"beside", "/home/stack", "made /home/stacks\n", "made /home/stacks\n"},
		{"below another", "/home/stack", "made /mnt/home/stack/images\n", "made /mnt/home/stack/images\n"},
		{"behind a colon", "/home/stack", "oci:/home/stack/a:/home/stack/b\n", "oci:a:b\n"},
		{"a layout to write", "/home/stack", "oci:/home/stack/a: no\nhint: write oci:/home/stack/a:b:1, or see /home/stack/c\nin /home/stack/d\n", "oci:a: no\nhint: write oci:/home/stack/a:b:1, or see c\nin d\n"},
		{"an address", "/home/stack", "file:///home/stack/a\n", "file:///home/stack/a\n"},
		{"quoted", "/home/stack", `read /home/stack/a.tar: entry "/home/stack/b": it is absolute` + "\n", `read a.tar: entry "/home/stack/b": it is absolute` + "\n"},
		{"quoted with a quote", "/home/stack", `"a\"/home/stack/b" in /home/stack/c` + "\n", `"a\"/home/stack/b" in c` + "\n"},
		{"a quote that does not end", "/home/stack", "\"a\n/home/stack/b\n", "\"a\nb\n"},
		{"root", "/", "made /home\n", "made /home\n"},
		{"unknown", "", "made /home\n", "made /home\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := NewRelativePaths(&out, tt.dir).Write([]byte(tt.text))
			if n != len(tt.text) || err != nil {
				t.Errorf("Write gives %d, %v, want %d, nil", n, err, len(tt.text))
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A path is shortened also if another color begins before it, and a hint stays a hint.
func TestRelativePathsPaint(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spans []Span
		want  string
	}{
		{"behind a color", []Span{{"a:", Red}, {" /home/stack/b\n", NoColor}}, "a: b\n"},
		{"a hint", []Span{{"hint:", Yellow}, {" write oci:/home/stack/a\n", NoColor}}, "hint: write oci:/home/stack/a\n"},
		{"a quote", []Span{{Text: `"`}, {Text: `/home/stack/a" /home/stack/b` + "\n"}}, `"/home/stack/a" b` + "\n"},
		{"in two parts", []Span{{Text: "see /home"}, {Text: "/stack/a\n"}}, "see a\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Paint(NewRelativePaths(&out, "/home/stack"), tt.spans...); err != nil {
				t.Error(err)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
