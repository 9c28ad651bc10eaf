package rpm

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/rpm/rpmbuild"
)

func TestCompareVersions(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0},
		{"1.0", "2.0", -1},
		{"2.0.1", "2.0", 1},
		{"2.0.1a", "2.0.1", 1},
		{"5.5p1", "5.5p10", -1},
		{"10xyz", "10.1xyz", -1},
		{"xyz10", "xyz10.1", -1},
		{"xyz.4", "8", -1},
		{"8", "xyz.4", 1},
		{"5.5p2", "5.6p1", -1},
		{"6.0.rc1", "6.0", 1},
		{"10b2", "10a1", 1},
		{"7.4.052", "7.4.52", 0},
		{"1.0aa", "1.0a", 1},
		{"10.0001", "10.1", 0},
		{"10.0039", "10.0001", 1},
		{"4.999.9", "5.0", -1},
		{"20101121", "20101122", -1},
		{"2_0", "2.0", 0},
		{"a+", "a_", 0},
		{"1.0~rc1", "1.0", -1},
		{"1.0~rc1", "1.0~rc2", -1},
		{"1.0~rc1~git123", "1.0~rc1", -1},
		{"1.0^", "1.0", 1},
		{"1.0^git1", "1.0^git2", -1},
		{"1.0^git1", "1.01", -1},
		{"1.0^20160101", "1.0.1", -1},
		{"1.0~rc1^git1", "1.0~rc1", 1},
		{"1.0^git1~pre", "1.0^git1", -1},
		{"13.0-20190418.1", "13.0-20200101.1", -1},
		{"99999999999999999999999", "100000000000000000000000", -1},
	}
	for _, tt := range tests {
		if got := compareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := compareVersions(tt.b, tt.a); got != -tt.want {
			t.Errorf("%s and %s: %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0~rc1^git", "1.0")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Errorf("%q and %q: %d and %d", a, b, compareVersions(a, b), compareVersions(b, a))
		}
	})
}

func spec(name, version, arch string) rpmbuild.Spec {
	return rpmbuild.Spec{Name: name, Version: version, Release: "1", Arch: arch, Files: []rpmbuild.File{{Path: "/a/" + name, Body: name}}}
}

func TestNewest(t *testing.T) {
	epoch := spec("images", "1.0", "noarch")
	epoch.Epoch = 2
	tests := map[string]struct {
		specs []rpmbuild.Spec
		arch  string
		want  string
		err   string
		hint  string
	}{
		"one":          {specs: []rpmbuild.Spec{spec("images", "13.0", "noarch")}, want: "images-13.0-1.noarch"},
		"the newest":   {specs: []rpmbuild.Spec{spec("images", "13.10", "noarch"), spec("images", "13.9", "noarch"), spec("other", "14", "noarch")}, want: "images-13.10-1.noarch"},
		"by its epoch": {specs: []rpmbuild.Spec{epoch, spec("images", "13.9", "noarch")}, want: "images-2:1.0-1.noarch"},
		"none":         {specs: []rpmbuild.Spec{spec("images-ipa", "1", "noarch")}, err: `it has no package "images"`, hint: "it has images-ipa"},
		"none at all":  {err: `it has no package "images"`},
		"elsewhere":    {specs: []rpmbuild.Spec{spec("images", "1", "mips")}, err: `it has "images" only for mips`, hint: "say with arch: which of them is meant"},
		"that one":     {specs: []rpmbuild.Spec{spec("images", "1", "mips"), spec("images", "2", "noarch")}, arch: "mips", want: "images-1-1.mips"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := rpmbuild.Repository(tt.specs...)
			index, err := ParseRepomd(files["repodata/repomd.xml"])
			if err != nil || index.Href != "repodata/primary.xml.gz" || len(index.SHA256) != 64 {
				t.Fatalf("index %+v, %v", index, err)
			}
			got, err := Newest(bytes.NewReader(files[index.Href]), index.Href, "images", tt.arch)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || fault.Hint(err) != tt.hint {
					t.Errorf("got %v (hint %q)", err, fault.Hint(err))
				}
				return
			}
			if err != nil || got.NEVRA() != tt.want {
				t.Fatalf("got %+v, %v", got, err)
			}
			b := files[got.Href]
			if p, err := ReadListed(b[:got.HeaderEnd], got); err != nil || len(p.Files) != 1 {
				t.Errorf("its header: %+v, %v", p, err)
			}
			if _, err := ReadListed(b[:got.HeaderEnd-1], got); err == nil {
				t.Error("a cut header is no error")
			}
			got.Version = "99"
			if _, err := ReadListed(b, got); err == nil {
				t.Error("another package than the one listed is no error")
			}
		})
	}
}

func TestLargeBadRepositories(t *testing.T) {
	for name, text := range map[string]string{
		"no XML":              "hello",
		"a page":              "<html><body/></html>",
		"no list":             `<repomd><data type="other"/></repomd>`,
		"an old checksum":     `<repomd><data type="primary"><checksum type="sha">00</checksum><location href="p.xml.gz"/></data></repomd>`,
		"a list elsewhere":    `<repomd><data type="primary"><checksum type="sha256">00</checksum><location href="https://h/p.xml.gz"/></data></repomd>`,
		"a list upwards":      `<repomd><data type="primary"><checksum type="sha256">00</checksum><location href="../p.xml.gz"/></data></repomd>`,
		"a list at an host":   `<repomd><data type="primary"><checksum type="sha256">00</checksum><location href="//h/p.xml.gz"/></data></repomd>`,
		"a list of no name":   `<repomd><data type="primary"><checksum type="sha256">00</checksum></data></repomd>`,
		"an entity of itself": `<!DOCTYPE x [<!ENTITY a "&a;">]><repomd><data type="&a;"/></repomd>`,
	} {
		if got, err := ParseRepomd([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	list := func(inside string) string {
		return "<metadata><package type=\"rpm\">" + inside + "</package></metadata>"
	}
	good := `<name>images</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>` +
		`<checksum type="sha256">` + strings.Repeat("0", 64) + `</checksum><location href="a.rpm"/><format><header-range end="100"/></format>`
	for name, tt := range map[string]struct{ text, href, err string }{
		"fine":               {list(good), "p.xml", ""},
		"packed otherwise":   {list(good), "p.xml.gz", "the list of packages"},
		"packed unknown":     {list(good), "p.xml.lz", "an unknown compression"},
		"zstd":               {list(good), "p.xml.zst", "the list of packages cannot be read"},
		"cut":                {list(good)[:100], "p.xml", "the list of packages cannot be read"},
		"no sha256":          {list(strings.Replace(good, "sha256", "md5", 1)), "p.xml", "it has no sha256"},
		"half a sha256":      {list(strings.Replace(good, "00", "", 1)), "p.xml", "it has no sha256"},
		"kept elsewhere":     {list(strings.Replace(good, `href="a.rpm"`, `href="a.rpm" base="https://h/"`, 1)), "p.xml", "it keeps images-1-1.noarch elsewhere"},
		"upwards":            {list(strings.Replace(good, "a.rpm", "../../a.rpm", 1)), "p.xml", "is not below the repository"},
		"an endless header":  {list(strings.Replace(good, `end="100"`, `end="9999999999"`, 1)), "p.xml", "does not say where the header"},
		"an endless name":    {list("<name>" + strings.Repeat("x", 17<<20) + "</name>"), "p.xml", "the entry of a package is larger than 16.0 MiB"},
		"an endless list":    {"<metadata>" + strings.Repeat(" ", 17<<20) + "</metadata>", "p.xml", "the entry of a package is larger than 16.0 MiB"},
		"a header of no end": {list(strings.Replace(good, `end="100"`, ``, 1)), "p.xml", "does not say where the header"},
	} {
		_, err := Newest(strings.NewReader(tt.text), tt.href, "images", "")
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
	}
}
