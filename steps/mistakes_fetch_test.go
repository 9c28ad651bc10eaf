package steps

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner/steptest"
)

func TestFetchMistakes(t *testing.T) {
	tests := map[string]struct {
		with string
		want []string
	}{
		"fine":             {`url: "https://h/f", to: f, sha256: ` + steptest.SHA256("x"), nil},
		"fine from a file": {`url: "file:///srv/f", to: f`, nil},
		"no address":       {`url: [], to: f`, []string{"url: names no address"}},
		"no scheme":        {`url: h/f, to: f`, []string{`"h/f" is not an address that can be fetched`}},
		"ftp":              {`url: "ftp://h/f", to: f`, []string{`"ftp://h/f" is not an address that can be fetched`}},
		"a host of DNS":    {`url: "https://xn--bcher-kva.example/f", to: f`, nil},
		"no ASCII":         {`url: ["https://a.example/f", "https://bücher.example/f"], to: f, sha256: ` + steptest.SHA256("x"), []string{`"bücher.example" is not the name of a host: it has letters that are not ASCII`}},
		"no host":          {`url: "https:///f", to: f`, []string{`"https:///f" names no host`}},
		"a relative file":  {`url: "file:f", to: f`, []string{`"file:f" names no file`}},
		"a file elsewhere": {`url: "file://h/f", to: f`, []string{`"file://h/f" names no file`}},
		"a password in it": {`url: "https://stack:s3cret@h/f", to: f`, []string{"https://h/f holds a user, and maybe a password"}},
		"the second of two": {
			`url: ["https://h/f", "gopher://h/f"], to: f, sha256: ` + steptest.SHA256("x"),
			[]string{`"gopher://h/f" is not an address that can be fetched`},
		},
		"a digest of another kind": {`url: "https://h/f", to: f, sha512: ` + steptest.SHA256("x"), []string{"is not a sha512 digest"}},
		"a digest twice":           {`url: "https://h/f", to: f, checksums: "https://h/s", sha256: ` + steptest.SHA256("x"), []string{"give either checksums or the digest itself"}},
		"a signature of nothing":   {`url: "https://h/f", to: f, signature: "https://h/s", sha256: ` + steptest.SHA256("x"), []string{"no signature is checked"}},
		"keys for nothing":         {`url: "https://h/f", to: f, keyring: k, sha256: ` + steptest.SHA256("x"), []string{"no signature is checked"}},
		"a name for nothing":       {`url: "https://h/f", to: f, name: g, sha256: ` + steptest.SHA256("x"), []string{"it is the file's name in checksums, and there are none"}},
		"a bad mode":               {`url: "https://h/f", to: f, mode: "644"`, []string{`"644" is not a mode`}},
		"a signature and no keys": {
			`url: "https://h/f", to: f, signature: "https://h/s"`,
			[]string{"there is a signature, but no keyring to check it with"},
		},
		"keys and nothing signed": {
			`url: "https://h/f", to: f, keyring: k`,
			[]string{"there is a keyring, but neither checksums nor a signature to check with it"},
		},
		"two addresses and no digest": {
			`url: ["https://h/f", "https://h/g"], to: f`,
			[]string{"several addresses, and nothing says what the file must be"},
		},
		"plain redirects and no digest": {
			`url: "https://h/f", to: f, http_redirects: true`,
			[]string{"http_redirects is allowed only where a digest or a signature vouches for the file"},
		},
		"what vouches for it comes by reference": {
			`url: ["https://h/f", "https://h/g"], to: f, sha256: "${steps.a.sha256}", http_redirects: true } }` + "\n" +
				`  a: { type: fetch, with: { url: "https://h/a", to: a } }` + "\n" +
				`  s: { type: fetch, with: { url: "https://h/f", to: s, signature: "https://h/s", keyring: "${steps.a.path}"`, nil,
		},
		"two writers of a file": {
			`url: "https://h/f", to: f } }` + "\n" + `  other: { type: fetch, with: { url: "https://h/g", to: f`,
			[]string{"which step \"it\" writes too"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := mistakes(t, "  registries: {}\n", "  it: { type: fetch, with: { "+tt.with+" } }\n")
			if len(got) != len(tt.want) {
				t.Fatalf("mistakes %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if _, field, cut := strings.Cut(want, ": "); cut && strings.HasPrefix(want, "url") {
					want = field
				}
				if !strings.Contains(got[i], want) || strings.Contains(got[i], "s3cret") {
					t.Errorf("got %q, want %q in it", got[i], want)
				}
			}
		})
	}
}

func TestHostMistakes(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"fine":                    {"a: { host: tarballs.opendev.org, bandwidth: 10MiB }", ""},
		"a scheme":                {"a: { host: \"https://h\" }", "holds a scheme"},
		"no ASCII":                {"a: { host: \"bücher.example\" }", "is not the name of a host: it has letters that are not ASCII"},
		"an underscore":           {"a: { host: my_host }", ""},
		"the same host":           {"a: { host: h }\n    b: { host: H }", "the hosts a and b have the same host"},
		"a user alone":            {"a: { host: h, user: stack }", "user is given without password"},
		"half a pair":             {"a: { host: h, cert: c.pem }", "cert is given without key"},
		"a bandwidth of nonsense": {"a: { host: h, bandwidth: fast }", "is not a number of bytes such as 10MiB"},
		"an unknown key":          {"a: { host: h, realms: [x] }", `unknown key "realms"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(mistakes(t, "  hosts:\n    "+tt.text+"\n", noSteps), "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
