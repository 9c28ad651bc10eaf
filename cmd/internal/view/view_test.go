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
		{"indented already", "these:\n  a\n    b\nc", "these:\n  a\n    b\n  c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Indent(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
