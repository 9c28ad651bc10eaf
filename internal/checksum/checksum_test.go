package checksum

import "testing"

func TestTexts(t *testing.T) {
	if got := Text("sha512", "0f"); got != "sha512:0f" {
		t.Errorf("got %q", got)
	}
	if got := Text("sha512", ""); got != "" {
		t.Errorf("one that is not known is %q", got)
	}
	if got, want := SHA256([]byte("abc")), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("got %q", got)
	}
}
