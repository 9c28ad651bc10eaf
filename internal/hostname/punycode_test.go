package hostname

import "testing"

// The forms are those that Python's idna codec gives.
func TestToASCII(t *testing.T) {
	for name, want := range map[string]string{
		"bücher.example":           "xn--bcher-kva.example",
		"BÜCHER.example":           "xn--bcher-kva.example",
		"bu\u0308cher.example":     "xn--bcher-kva.example",
		"registry。münchen.example": "registry.xn--mnchen-3ya.example",
		"例え.テスト":                   "xn--r8jz45g.xn--zckzah",
		"пример.испытание":         "xn--e1afmkfd.xn--80akhbyknj4f",
		"ü":                        "xn--tda",
		"ｂücher.ｅxample":           "xn--bcher-kva.example",
		"ﬁ.example":                "fi.example",
		"BU\u0308CHER.example":     "xn--bcher-kva.example",
		"a b.example":              "",
		"x☃.example":               "",
	} {
		if got := toASCII(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
