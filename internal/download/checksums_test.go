package download

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestParseChecksums(t *testing.T) {
	const name = "ipa-centos9-stable.kernel"
	hex := func(digit string, n int) string { return strings.Repeat(digit, n) }
	a256, b256, a512, aMD5 := hex("a", 64), hex("b", 64), hex("a", 128), hex("a", 32)
	tests := map[string]struct {
		list    string
		sidecar bool
		want    Digests
		err     string
		hint    string
	}{
		"as sha256sum writes it":            {list: b256 + "  other\n" + a256 + "  " + name + "\n", want: Digests{SHA256: a256}},
		"as sha256sum --binary writes it":   {list: a256 + " *" + name + "\n", want: Digests{SHA256: a256}},
		"with one space":                    {list: a256 + " " + name, want: Digests{SHA256: a256}},
		"with a path":                       {list: a256 + "  ./out/" + name + "\n", want: Digests{SHA256: a256}},
		"with CRLF, comments, empty lines":  {list: "# made by hand\r\n\r\n" + a256 + "  " + name + "\r\n", want: Digests{SHA256: a256}},
		"in capitals":                       {list: strings.ToUpper(a256) + "  " + name + "\n", want: Digests{SHA256: a256}},
		"as BSD writes it":                  {list: "SHA256 (" + name + ") = " + a256 + "\n", want: Digests{SHA256: a256}},
		"as Fedora writes it":               {list: "# " + name + ": 12 bytes\nSHA512 (" + name + ") = " + a512 + "\n", want: Digests{SHA512: a512}},
		"as openssl writes it":              {list: "SHA2-256(" + name + ")= " + a256 + "\n", want: Digests{SHA256: a256}},
		"the digest alone":                  {list: a256 + "\n", want: Digests{SHA256: a256}},
		"the digest alone and no line end":  {list: aMD5, want: Digests{MD5: aMD5}},
		"several kinds":                     {list: aMD5 + "  " + name + "\n" + a256 + "  " + name + "\n" + a512 + "  " + name + "\n", want: Digests{SHA256: a256, SHA512: a512, MD5: aMD5}},
		"twice the same":                    {list: a256 + "  " + name + "\n" + a256 + "  dir/" + name + "\n", want: Digests{SHA256: a256}},
		"twice and not the same":            {list: a256 + "  x/" + name + "\n" + b256 + "  y/" + name + "\n", err: "it has two different sha256 of"},
		"a sidecar that calls it otherwise": {list: a256 + "  /tmp/build/out.kernel\n", sidecar: true, want: Digests{SHA256: a256}},
		"a list that calls it otherwise": {
			list: a256 + "  /tmp/build/out.kernel\n", err: `it has no checksum of "ipa-centos9-stable.kernel"`,
			hint: `it has one of "/tmp/build/out.kernel"; if that is the file, write name: out.kernel`,
		},
		"a list without it": {
			list: a256 + "  a\n" + b256 + "  b\n", sidecar: true, err: "it has no checksum of",
			hint: "set name: to the file's name in that list",
		},
		"a name that only ends so":  {list: a256 + "  not-" + name + "\n" + b256 + "  x\n", err: "it has no checksum of"},
		"a name with a space":       {list: a256 + "  my " + name + "\n" + b256 + "  x\n", err: "it has no checksum of"},
		"only a sha1":               {list: hex("a", 40) + "  " + name, err: "it has only a sha1 of", hint: "the supported kinds are sha256, sha512 and md5"},
		"a sha1 beside":             {list: hex("a", 40) + "  " + name + "\n" + a256 + "  " + name, want: Digests{SHA256: a256}},
		"a web page":                {list: "<!DOCTYPE html>\n<html>", err: `it is not a list of checksums: it has the line "<!DOCTYPE html>"`},
		"nothing":                   {list: "\n# nothing\n", err: "it has no checksums"},
		"odd hex":                   {list: a256[:63] + "  " + name, err: "it is not a list of checksums"},
		"no hex":                    {list: hex("g", 64) + "  " + name, err: "it is not a list of checksums"},
		"BSD with too few digits":   {list: "SHA256 (" + name + ") = " + aMD5, err: "it is not a list of checksums"},
		"BSD with an unknown kind":  {list: "TIGER (" + name + ") = " + a256, err: "it has only a tiger of"},
		"with a tab":                {list: a256 + "\t" + name + "\n", want: Digests{SHA256: a256}},
		"with a tab and a star":     {list: a256 + "\t*" + name + "\n", want: Digests{SHA256: a256}},
		"as BSD, the name escaped":  {list: `\SHA256 (we\\ird) = ` + b256 + "\nSHA256 (" + name + ") = " + a256, want: Digests{SHA256: a256}},
		"a line without end":        {list: strings.Repeat("a", 1<<20), err: "it is not a list of checksums"},
		"an escaped name beside it": {list: `\` + b256 + `  we\\ird` + "\n" + a256 + "  " + name, want: Digests{SHA256: a256}},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			got, err := ParseChecksums([]byte(tt.list), name, tt.sidecar)
			if tt.err != "" {
				wantFailure(t, err, tt.err, tt.hint)
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if got, err := ParseChecksums([]byte(`\`+a256+`  we\\ird`), `we\ird`, false); err != nil || got.SHA256 != a256 {
		t.Errorf("an escaped name: %+v, %v", got, err)
	}
	if fault.Hint(notListedError("x", nil)) == "" {
		t.Error("no hint for an empty list")
	}
}

func FuzzParseChecksums(f *testing.F) {
	f.Add([]byte("SHA256 (a) = "+strings.Repeat("a", 64)), true)
	f.Add([]byte(strings.Repeat("a", 32)+" *a\n"), false)
	f.Fuzz(func(t *testing.T, list []byte, sidecar bool) {
		got, err := ParseChecksums(list, "a", sidecar)
		if err == nil && got.IsZero() {
			t.Error("neither a digest nor an error")
		}
	})
}
