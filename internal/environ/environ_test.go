package environ

import "testing"

func TestGet(t *testing.T) {
	v := Variables{"A=1", "AB=2", "A=3=4", "C="}
	for name, want := range map[string]string{"A": "3=4", "AB": "2", "B": "", "C": "", "": ""} {
		if got := v.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
