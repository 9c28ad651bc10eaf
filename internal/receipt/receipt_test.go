package receipt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

func sample() *Receipt {
	return &Receipt{Of: "edge.example:5000", Made: time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC), Blobs: map[digest.Digest]Held{
		digest.FromString("a"): {"app/a", 100}, digest.FromString("b"): {"app/b", 1 << 40}, digest.SHA512.FromString("c"): {"app/b", 0},
	}}
}

// What is written is what is read.
func TestThereAndBack(t *testing.T) {
	for name, r := range map[string]*Receipt{"some blobs": sample(), "none": {Of: "x", Made: time.Unix(0, 0).UTC(), Blobs: map[digest.Digest]Held{}}} {
		text := string(r.Text())
		for _, text := range []string{text, "# a comment\n\n" + text, strings.ReplaceAll(text, "\n", "\r\n")} {
			got, err := Parse("receipt.yaml", []byte(text))
			if diff := cmp.Diff(r, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
	}
}

// What is not a receipt is told with its file and line.
func TestNoReceipt(t *testing.T) {
	text := string(sample().Text())
	for name, tt := range map[string]struct{ old, new, want string }{
		"nothing":              {text, "", "receipt.yaml:1: it ends before format_version"},
		"a plan":               {text, "apiVersion: bayplan/v1\n", `receipt.yaml:1: this is not a receipt: it has "apiVersion" where a receipt has format_version`},
		"a newer form":         {"format_version: 1", "format_version: 2", "receipt.yaml:1: it is a receipt of version 2, and this bayplan reads version 1"},
		"another kind":         {"bayplan-receipt", "lock", `receipt.yaml:2: this is not a receipt: its kind is "lock"`},
		"no time":              {"2026-10-31T", "yesterday ", "receipt.yaml:4: "},
		"no digest":            {"sha256:", "sha257:", "are not the digest and the size of a blob"},
		"no size":              {": 100", ": many", `"many" are not the digest and the size of a blob`},
		"less than no size":    {": 100", ": -1", `"-1" are not the digest and the size of a blob`},
		"something else":       {"  \"app/b\":", "more", `"more" is not a line of a receipt`},
		"cut off in the head":  {text[strings.Index(text, "made"):], "", "it ends before made"},
		"no repository's name": {`"app/b"`, `"../v2/App"`, `"../v2/App" is not a name of a repository`},
		"no repository":        {"  \"app/a\":\n", "", "comes before the repository that has it"},
		"binary":               {text, "\x00\x01", "is not a line of a receipt"},
	} {
		_, err := Parse("receipt.yaml", []byte(strings.Replace(text, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse("receipt.yaml", text)
		if err != nil {
			return
		}
		again, err := Parse("receipt.yaml", r.Text())
		if err != nil || len(again.Blobs) != len(r.Blobs) {
			t.Errorf("%q gives %v, %v", text, again, err)
		}
	})
}
