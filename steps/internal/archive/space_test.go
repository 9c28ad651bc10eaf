package archive

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestFullDiskIsExplained(t *testing.T) {
	x := &Extraction{
		Want: []Entry{{Name: "a", Size: 40}, {Name: "b", Size: 2}},
	}
	tests := []struct {
		name string
		err  error
		hint string
	}{
		{"no space", fmt.Errorf("write x: %w", syscall.ENOSPC), "42 bytes"},
		{"quota", fmt.Errorf("write x: %w", syscall.EDQUOT), "42 bytes"},
		{"another", syscall.EIO, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := x.explain(tt.err)
			if !errors.Is(err, tt.err) {
				t.Errorf("error = %v", err)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) || (hint == "") != (tt.hint == "") {
				t.Errorf("hint = %q, want %q in it", hint, tt.hint)
			}
		})
	}
}
