package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestJoin(t *testing.T) {
	one, two := errors.New("one"), fault.WithHint(fs.ErrNotExist, "make it")
	for _, tt := range []struct {
		err  error
		text string
	}{
		{fault.Join(), ""},
		{fault.Join(nil, nil), ""},
		{fault.Join(nil, one), "one"},
		{fault.Join(one, nil, two), "one\nfile does not exist"},
		{fault.Join(fault.Join(one, one), two), "one\none\nfile does not exist"},
	} {
		if got := fmt.Sprint(tt.err); got != tt.text && (tt.err != nil || tt.text != "") {
			t.Errorf("got %q, want %q", got, tt.text)
		}
	}
	all := fmt.Errorf("all: %w", fault.Join(one, two))
	if !errors.Is(all, fs.ErrNotExist) || !errors.Is(all, one) || fault.Hint(all) != "make it" {
		t.Errorf("%v does not unwrap to its causes; its hint is %q", all, fault.Hint(all))
	}
}
