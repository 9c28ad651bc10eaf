package rehearse

import "testing"

// A path in a text lies below the root however it is spelled.
func TestPlaceTexts(t *testing.T) {
	r := &root{dir: "/r", host: "/r/host", relative: map[string]bool{}}
	for text, want := range map[string]string{
		"oci:/srv/images:app:1":         "oci:/r/host/srv/images:app:1",
		"file:///etc/keys":              "file:///r/host/etc/keys",
		"file:/etc/keys":                "file:/r/host/etc/keys",
		"FILE:///etc/keys":              "FILE:///r/host/etc/keys",
		"file://localhost/etc/keys":     "file://localhost/r/host/etc/keys",
		"file:///r/host/etc/keys":       "file:///r/host/etc/keys",
		`- imagename: "oci:/a:b:1"`:     `- imagename: "oci:/r/host/a:b:1"`,
		"https://example.com/file:/etc": "https://example.com/file:/etc",
	} {
		if got := r.placeTexts(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
