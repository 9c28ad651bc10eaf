package view

import (
	"errors"
	"testing"
)

func TestIndentContinuation(t *testing.T) {
	one, two := errors.New("missing: a"), errors.New("extra: b")
	for _, tt := range []struct{ name, text, want string }{
		{"one", one.Error(), "missing: a"},
		{"joined", errors.Join(one, two).Error(), "missing: a\n  extra: b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Indent(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestShortDigest(t *testing.T) {
	for _, tt := range []struct{ value, want string }{
		{"", "(none)"},
		{"sha256:0123456789abcdef0123", "sha256:0123456789ab…"},
		{`"/home/stack/templates/überschrift.yaml"`, `"/home/stack/templates/überschrift.yaml"`},
	} {
		if got := ShortDigest(tt.value); got != tt.want {
			t.Errorf("ShortDigest(%q) gives %q, want %q", tt.value, got, tt.want)
		}
	}
}
