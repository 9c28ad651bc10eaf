package human

import "testing"

func TestShortDigest(t *testing.T) {
	for _, tt := range []struct{ value, want string }{
		{"", "(none)"},
		{"sha256:0123456789abcdef0123", "sha256:0123456789ab…"},
		{"sha512:0123456789abcdef0123", "sha512:0123456789ab…"},
		{"sha256:01", "sha256:01"},
		{`"/home/stack/templates/überschrift.yaml"`, `"/home/stack/templates/überschrift.yaml"`},
	} {
		if got := ShortDigest(tt.value); got != tt.want {
			t.Errorf("ShortDigest(%q) gives %q, want %q", tt.value, got, tt.want)
		}
	}
}
