package condition

import (
	"strings"
	"testing"
)

func names(each bool) Names {
	vars := map[string]any{
		"ceph": "yes", "zone": "eu-1", "names": []string{"a", "b"},
		"sites": map[string]string{"edge1": "on", "edge-2.x": "off"}, "pattern": "(",
	}
	return Names{Each: each, Var: func(name string) (any, *Error) {
		if name == "broken" {
			return nil, nil
		}
		value, ok := vars[name]
		if !ok {
			return nil, &Error{Msg: "there is no variable " + name}
		}
		return value, nil
	}}
}

func TestHolds(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"true", true},
		{"not true or vars.ceph == 'yes'", true},
		{`vars.ceph != "yes"`, false},
		{"vars.zone >= 'eu' && vars.zone < 'ev'", true},
		{"'a' in vars.names and 'c' not in vars.names", true},
		{"vars.zone in ['eu-1', 'eu-2']", true},
		{"'edge1' in vars.sites", true},
		{"vars.sites.edge1 == 'on'", true},
		{"vars.sites['edge-2.x'] == 'on'", false},
		{"vars.zone matches '^eu-[0-9]$'", true},
		{"vars.zone startsWith 'eu' and vars.zone endsWith '1' and vars.zone contains '-'", true},
		{"!(vars.ceph == 'yes')", false},
		{"each.key == 'edge1' and each.value == 'v'", true},
		{"vars.sites[each.key] == 'on'", true},
		{"vars.sites[each.value] == 'on'", false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := Compile(tt.text, names(true))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Holds("edge1", "v"); got != tt.want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		text, want string
		offset     int
	}{
		{"", "something is missing", 0},
		{"vars.ceph", "does not give true or false", 0},
		{"vars.ceph == vars.names", "mismatched types text and a list", 10},
		{"vars.ceph and true", "invalid operation: and (mismatched types text and true or false)", 10},
		{"vars.names[each.key] == 'x'", "each stands only", 16},
		{"vars.ceph == 'x' 'a string, a bool'", `"a string, a bool"`, 17},
		{"vars.ceph = 'x'", "a single = stands", 10},
		{"vars.no == 'x'", "no variable no", 5},
		{"ceph == 'x'", "there is no ceph", 0},
		{"vars == 'x'", "there is no vars", 0},
		{"vars[vars.ceph] == 'x'", "must be written out", 4},
		{"len(vars.ceph) == '1'", "functions cannot", 0},
		{"vars.names | any(# == 'a')", "functions cannot", 13},
		{"vars.ceph.trim() == 'x'", "functions cannot", 10},
		{"vars.ceph + 'x' == 'yesx'", "+ cannot stand", 10},
		{"(vars.ceph ?? 'x') == 'x'", "?? cannot stand", 11},
		{"1 < 2", "a number stands", 0},
		{"let x = true; x", "cannot stand in a condition", 4},
		{"vars.names[0:1] == vars.names", "cannot stand in a condition", 10},
		{"{'a': 'b'}.a == 'b'", "cannot stand in a condition", 0},
		{"vars?.ceph == 'x'", "cannot stand in a condition", 6},
		{"each.key == 'x'", "each stands only", 5},
		{"nil == vars.ceph", "cannot stand in a condition", 0},
		{strings.Repeat("(", 5000), "too long", 0},
		{strings.Repeat("(", 3900), "something is missing", 3899},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 40)], func(t *testing.T) {
			c, err := Compile(tt.text, names(false))
			if c != nil || err == nil || !strings.Contains(err.Msg, tt.want) {
				t.Fatalf("got %v, %v", c, err)
			}
			if err.Offset != tt.offset {
				t.Errorf("%s at %d, not %d", err.Msg, err.Offset, tt.offset)
			}
		})
	}
	if c, err := Compile("vars.broken == 'x'", names(false)); c != nil || err != nil {
		t.Errorf("got %v, %v", c, err)
	}
	c, err := Compile("vars.ceph matches vars.pattern", names(false))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Holds("", ""); got || err == nil || !strings.Contains(err.Msg, "missing closing )") {
		t.Errorf("got %v, %v", got, err)
	}
}

// No expression makes the program panic, and each is either a condition or a mistake in it.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{"vars.ceph == 'yes'", "each.key in vars.names and not (vars.zone matches '^x')", "vars.sites[each.key] startsWith \"o\""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Compile(text, names(true))
		switch {
		case c == nil && err == nil && !strings.Contains(text, "broken"):
			t.Error("neither a condition nor a mistake")
		case err != nil && (err.Offset < 0 || err.Offset > len(text)+1 || err.Msg == ""):
			t.Errorf("%q at %d", err.Msg, err.Offset)
		case c != nil:
			_, _ = c.Holds("edge1", "v")
		}
	})
}
