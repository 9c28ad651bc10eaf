package places

import "testing"

// A path in a text lies below the root however it is spelled.
func TestPlaceText(t *testing.T) {
	r := &Root{Dir: "/r", Host: "/r/host"}
	for text, want := range map[string]string{
		"oci:/srv/images:app:1":         "oci:/r/host/srv/images:app:1",
		"oci:/srv/../etc/images":        "oci:/r/host/etc/images",
		"oci:/srv/**":                   "oci:/r/host/srv/**",
		"oci:**":                        "oci:**",
		"file:///etc/keys":              "file:///r/host/etc/keys",
		"file:/etc/keys":                "file:///r/host/etc/keys",
		"FILE:///etc/keys":              "file:///r/host/etc/keys",
		"file://localhost/etc/keys":     "file:///r/host/etc/keys",
		"file:///etc/my%20keys":         "file:///r/host/etc/my%20keys",
		"file:///r/host/etc/keys":       "file:///r/host/etc/keys",
		"oci:/r/host/a:b:1":             "oci:/r/host/a:b:1",
		"https://example.com/file:/etc": "https://example.com/file:/etc",
		"quay.io/a/b:1":                 "quay.io/a/b:1",
	} {
		if got := r.PlaceText(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
