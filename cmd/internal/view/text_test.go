package view

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		columns    int
		want       string
	}{
		{"fits", "one two\n", 7, "one two\n"},
		{"between words", "one two three\n", 7, "one two\n  three\n"},
		{"indented", "  one two three\nx\n", 9, "  one two\n    three\nx\n"},
		{"a long word stays whole", "see /a/path/that/is/long now\n", 10, "see\n  /a/path/that/is/long\n  now\n"},
		{"a line without an end", "one two", 3, "one\n  two"},
		{"wide characters", "字字 字字\n", 8, "字字\n  字字\n"},
		{"colours take no room", "\x1b[31mone\x1b[0m two\n", 7, "\x1b[31mone\x1b[0m two\n"},
		{"no limit", "one two\n", 0, "one two\n"},
		{"nothing", "", 5, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Wrap(tt.text, tt.columns); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		env                       string
		onTerminal, elsewhere, ok bool // colours, colours, and whether it draws
		unicode                   bool
	}{
		{"", true, false, true, false},
		{"NO_COLOR=1", false, false, true, false},
		{"NO_COLOR=", true, false, true, false},
		{"NO_COLOR=1 CLICOLOR_FORCE=1", false, false, true, false},
		{"CLICOLOR_FORCE=1", true, true, true, false},
		{"CLICOLOR_FORCE=0", true, false, true, false},
		{"CLICOLOR=0", false, false, true, false},
		{"CLICOLOR=0 CLICOLOR_FORCE=1", true, true, true, false},
		{"TERM=dumb", false, false, false, false},
		{"TERM=dumb CLICOLOR_FORCE=1", true, true, false, false},
		{"TERM=xterm-256color LANG=de_AT.UTF-8", true, false, true, true},
		{"LANG=C.utf8", true, false, true, true},
		{"LANG=en_US.UTF-8 LC_CTYPE=C", true, false, true, false},
		{"LANG=C LC_CTYPE=en_US.UTF-8", true, false, true, true},
		{"LANG=en_US.UTF-8 LC_ALL=POSIX", true, false, true, false},
		{"LANG=en_US.UTF-8 LC_ALL=", true, false, true, true},
		{"LANG=de_DE.ISO-8859-1", true, false, true, false},
		{"LANG=C LANG=C.UTF-8", true, false, true, true},
	} {
		t.Run(tt.env, func(t *testing.T) {
			e := Environment(strings.Fields(tt.env))
			if got := e.Colors(true); got != tt.onTerminal {
				t.Errorf("colours on a terminal: %v", got)
			}
			if got := e.Colors(false); got != tt.elsewhere {
				t.Errorf("colours elsewhere: %v", got)
			}
			if got := e.Draws(); got != tt.ok {
				t.Errorf("draws: %v", got)
			}
			if got := e.Unicode(); got != tt.unicode {
				t.Errorf("Unicode: %v", got)
			}
		})
	}
}
