package connections

import "testing"

func TestLockName(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/a/b:1":                "quay.io/a/b:1",
		"[2001:db8::1]:5000/a:1":       "[2001:db8::1]:5000/a:1",
		"quay.io/a/b":                  "",
		"quay.io/a/b:1@sha256:" + "12": "",
		"oci:/srv/layout:a/b:1":        "",
		"nonsense":                     "",
	} {
		if got := lockName(image); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}
