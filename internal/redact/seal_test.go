package redact

import "testing"

// Many texts with one secret cost the rounds of one seal, and each text has a seal of its own.
func TestSealedOnce(t *testing.T) {
	r := New()
	r.Add("hunter2-x")
	seen := map[string]bool{}
	for _, about := range []string{"a", "b", "c"} {
		for _, text := range []string{"https://h/" + about + "?sig=hunter2-x", "hunter2-x for " + about} {
			one, again := r.Sealed("plan", about, text), r.Sealed("plan", about, text)
			if one != again || seen[one] {
				t.Errorf("%s: %s, and again %s", text, one, again)
			}
			seen[one] = true
		}
	}
	derived := 0
	r.seals.Range(func(any, any) bool { derived++; return true })
	if derived != 1 {
		t.Errorf("%d keys were derived", derived)
	}
	if got := r.Sealed("plan", "a", "nothing secret"); got != "nothing secret" {
		t.Errorf("got %s", got)
	}
}

// What a seal hides is what is not shown, all of it.
func TestHidden(t *testing.T) {
	for _, tt := range [][3]string{
		{"sig=hunter2&x=1", "sig=[redacted]&x=1", "hunter2"},
		{"hunter2", "[redacted]", "hunter2"},
		{"a hunter2 b hunter2 c", "a [redacted] b [redacted] c", "hunter2 b hunter2"},
		{"aaaa", "aa[redacted]aa", ""},
		{"sig=", "sig=[redacted]", ""},
	} {
		if got := hidden(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s as %s: got %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}
