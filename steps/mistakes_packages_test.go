package steps

import (
	"strings"
	"testing"
)

func TestPackageMistakes(t *testing.T) {
	const full = `extract: "/a/*", into: x`
	tests := map[string]struct{ with, want string }{
		"to install":              {`names: [rhosp-director-images, "rhosp-director-images-ipa"]`, ""},
		"to unpack":               {`rpm: a.rpm, ` + full, ""},
		"from a repository":       {`repository: "https://h/r", name: a, arch: x86_64, ` + full, ""},
		"several patterns":        {`rpm: a.rpm, extract: [/a, "/b*"], into: x`, ""},
		"no names":                {`names: []`, "names no package"},
		"an option for a name":    {`names: [--installroot=/]`, `"--installroot=/" is not the name of a package`},
		"an address for a name":   {`names: ["https://h/a.rpm"]`, "is not the name of a package"},
		"both ways":               {`names: [a], rpm: a.rpm`, "names installs packages; rpm is for unpacking one"},
		"keys for installing":     {`names: [a], keyring: k`, "names installs packages; keyring is for unpacking one"},
		"two sources":             {`rpm: a.rpm, repository: "https://h/r", ` + full, "give either rpm or repository"},
		"a name and no index":     {`rpm: a.rpm, name: a, ` + full, "it is the package's name in a repository, and there is none"},
		"an arch and no index":    {`rpm: a.rpm, arch: x86_64, ` + full, "and there is none"},
		"a root to unpack into":   {`rpm: a.rpm, root: /r, ` + full, "it is for installing"},
		"an arch of nonsense":     {`repository: "https://h/r", name: a, arch: "x86 64", ` + full, "is not an architecture"},
		"a relative pattern":      {`rpm: a.rpm, extract: "*.tar", into: x`, `"*.tar" is not the full path of a file in a package`},
		"a pattern of nonsense":   {`rpm: a.rpm, extract: "/[a", into: x`, `"/[a" is not a valid pattern`},
		"the second of patterns":  {`rpm: a.rpm, extract: [/a, b], into: x`, `"b" is not the full path of a file in a package`},
		"a repository of no kind": {`repository: r, name: a, ` + full, "is not an address that can be fetched"},
		"a bad digest":            {`rpm: a.rpm, sha256: "12", ` + full, `"12" is not a sha256 digest`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(mistakes(t, "  registries: {}\n", "  it: { type: package, with: { "+tt.with+" } }\n"), "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
