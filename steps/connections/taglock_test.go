package connections

import "testing"

func TestLockName(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/a/b:1":                "quay.io/a/b:1",
		"Quay.io:443/a/b:1":            "quay.io/a/b:1",
		"index.docker.io/busybox:1":    "docker.io/library/busybox:1",
		"[2001:db8::1]:5000/a:1":       "[2001:db8::1]:5000/a:1",
		"quay.io/a/b":                  "",
		"quay.io/a/b:1@sha256:" + "12": "",
		"oci:/srv/layout:a/b:1":        "",
		"nonsense":                     "",
	} {
		if got := (&Set{}).lockName(image); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}
