package hostname

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestCheck(t *testing.T) {
	for host := range strings.FieldsSeq(`quay.io Quay.IO registry.example.com. localhost undercloud undercloud:8787 a.b-c.example:65535 192.0.2.1
		192.0.2.1:5000 [::1] [2001:db8::1]:5000 2001:db8::1 [fe80::1%eth0]:80 my_host xn--bcher-kva.example 3com.example 127.0.0.1:00443`) {
		if err := Check(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := Check(""); err != nil {
		t.Error(err)
	}
	for host, want := range map[string]string{
		"bücher.example":           "it has letters that are not ASCII",
		"bücher.example:5000":      "it has letters that are not ASCII",
		"registry。example":         "it has letters that are not ASCII",
		"https://quay.io":          "holds a scheme; write the host alone",
		"quay.io/ns":               "is not a host or host:port",
		"u@quay.io":                "is not a host or host:port",
		"quay.io ":                 "is not a host or host:port",
		"[::1":                     "is not a host or host:port",
		"quay.io:70000":            "the port is not a number from 1 to 65535",
		"quay.io:0":                "the port is not a number from 1 to 65535",
		"quay.io:https":            "the port is not a number from 1 to 65535",
		"quay..io":                 "a part between dots is empty",
		".quay.io":                 "a part between dots is empty",
		"-quay.io":                 `"-quay" begins or ends with a hyphen`,
		"quay-.io":                 `"quay-" begins or ends with a hyphen`,
		"quay.io\t":                `'\t' is in no name of a host`,
		"quay,io":                  `',' is in no name of a host`,
		"${HOST}":                  `'$' is in no name of a host`,
		"a:b:c":                    `':' is in no name of a host`,
		"192.0.2.300":              "it is no IP address, and no name ends in a number",
		"192.0.2":                  "it is no IP address, and no name ends in a number",
		strings.Repeat("a", 64):    "longer than 63 characters",
		strings.Repeat("ab.", 100): "longer than 253 characters",
	} {
		err := Check(host)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", host, err, want)
		}
		if hint := fault.Hint(err); strings.Contains(hint, "the form that DNS has") != strings.Contains(want, "ASCII") {
			t.Errorf("%q: got hint %q", host, hint)
		}
	}
	for host, form := range map[string]string{"bücher.example:5000": ": xn--bcher-kva.example", "registry。example": ": registry.example", "☃.example": ", which begins with xn--"} {
		if hint := fault.Hint(Check(host)); hint != "write the form that DNS has"+form {
			t.Errorf("%q: got hint %q", host, hint)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string]string{
		"":                    "",
		"192.0.2.1:5000":      "",
		"[::1]:5000":          "",
		"b.example:443":       "",
		"192.0.2.1":           "is not host:port",
		"b.example:":          "is not host:port",
		":5000":               "is not host:port",
		"::1":                 "is not host:port",
		"https://192.0.2.1:1": "holds a scheme",
		"bücher.example:443":  "not ASCII",
		"b.example:0":         "from 1 to 65535",
	} {
		err := CheckAddress(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", address, err, want)
		}
	}
}
