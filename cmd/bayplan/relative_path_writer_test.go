package main

import (
	"bytes"
	"testing"
)

// Text that others wrote cannot control the terminal.
func TestRelativePathWriter(t *testing.T) {
	for _, tt := range []struct{ name, dir, text, want string }{
		{"below", "/home/stack", "made /home/stack/images\n", "made images\n"},
		{"beside", "/home/stack", "made /home/stacks\n", "made /home/stacks\n"},
		{"below another", "/home/stack", "made /mnt/home/stack/images\n", "made /mnt/home/stack/images\n"},
		{"behind a colon", "/home/stack", "oci:/home/stack/a:/home/stack/b\n", "oci:a:b\n"},
		{"an address", "/home/stack", "file:///home/stack/a\n", "file:///home/stack/a\n"},
		{"quoted", "/home/stack", `read /home/stack/a.tar: entry "/home/stack/b": it is absolute` + "\n", `read a.tar: entry "/home/stack/b": it is absolute` + "\n"},
		{"quoted with a quote", "/home/stack", `"a\"/home/stack/b" in /home/stack/c` + "\n", `"a\"/home/stack/b" in c` + "\n"},
		{"a quote that does not end", "/home/stack", "\"a\n/home/stack/b\n", "\"a\nb\n"},
		{"root", "/", "made /home\n", "made /home\n"},
		{"unknown", "", "made /home\n", "made /home\n"},
		{"escape sequence", "/", "label \x1b[2J\x07\n", "label ·[2J·\n"},
		{"C1 control", "/", "a\u009bb\n", "a·b\n"},
		{"not UTF-8", "/", "a\xff\x00b\n", "a··b\n"},
		{"letters", "/", "größe\t☃\n", "größe\t☃\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := newRelativePathWriter(&out, tt.dir).Write([]byte(tt.text))
			if n != len(tt.text) || err != nil {
				t.Errorf("Write gives %d, %v, want %d, nil", n, err, len(tt.text))
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
