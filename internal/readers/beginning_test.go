package readers

import (
	"io"
	"strings"
	"testing"
)

func TestBeginning(t *testing.T) {
	for name, tt := range map[string]struct {
		writes []string
		want   string
		cut    bool
	}{
		"nothing":              {nil, "", false},
		"less":                 {[]string{"ab", "c"}, "abc", false},
		"just as much":         {[]string{"ab", "cd"}, "abcd", false},
		"more in one piece":    {[]string{"abcde"}, "abcd", true},
		"more in many pieces":  {[]string{"ab", "cde", "", "f"}, "abcd", true},
		"nothing behind all":   {[]string{"abcd", ""}, "abcd", false},
		"a reader of the rest": {[]string{"abcd", "e"}, "abcd", true},
	} {
		b := Beginning{Max: 4}
		for _, text := range tt.writes {
			// io.Copy calls ReadFrom where there is one.
			if n, err := io.Copy(&b, io.LimitReader(strings.NewReader(text), 1<<20)); err != nil || n != int64(len(text)) {
				t.Errorf("%s: wrote %d bytes, %v", name, n, err)
			}
		}
		if b.String() != tt.want || string(b.Bytes()) != tt.want || b.IsCut() != tt.cut {
			t.Errorf("%s: got %q, cut %v", name, b.String(), b.IsCut())
		}
	}
}
