package human

import "testing"

func TestWidthAndCut(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		max   int
		cut   string
	}{
		{"", 0, 3, ""},
		{"containers", 10, 10, "containers"},
		{"containers", 10, 9, "containe…"},
		{"containers", 10, 1, "…"},
		{"containers", 10, 0, ""},
		{"größe", 5, 4, "grö…"},
		{"e\u0301tat", 4, 3, "e\u0301t…"},
		{"字字字", 6, 6, "字字字"},
		{"字字字", 6, 5, "字字…"},
		{"字字字", 6, 4, "字…"}, // half a character cannot be shown
		{"a\tb", 2, 2, "a\tb"},
	} {
		if got := Width(tt.text); got != tt.width {
			t.Errorf("%q has width %d, want %d", tt.text, got, tt.width)
		}
		got := Cut(tt.text, tt.max, "…")
		if got != tt.cut || Width(got) > tt.max {
			t.Errorf("%q cut at %d is %q, want %q", tt.text, tt.max, got, tt.cut)
		}
	}
	if got := Cut("containers", 6, "..."); got != "con..." {
		t.Errorf("got %q", got)
	}
	if got := Cut("containers", 2, "..."); got != ".." {
		t.Errorf("got %q", got)
	}
	if got := Pad("字", 4); got != "字  " {
		t.Errorf("got %q", got)
	}
}
