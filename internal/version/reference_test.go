package version

import (
	"cmp"
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	pep440 "github.com/aquasecurity/go-pep440-version"
	deb "github.com/knqyf263/go-deb-version"
	"golang.org/x/mod/semver"
)

// lettersOfPatches finds letters that PEP 440 takes for pre-releases, and tags for patches.
var lettersOfPatches = regexp.MustCompile(`^([0-9]+!)?[0-9]+\.[0-9]+\.[0-9.]*[0-9][abcr](-[0-9].*)?$`)

// Versions of PEP 440 are ordered as a library for Python packages orders them. A single
// letter behind three numbers is left out: in tags it is a patch.
func FuzzAsPEP440(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := pythonVersion(a), pythonVersion(b)
		if lettersOfPatches.MatchString(x) || lettersOfPatches.MatchString(y) {
			return
		}
		p, err := pep440.Parse(x)
		if err != nil {
			t.Fatal(err)
		}
		q, err := pep440.Parse(y)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Parse(x).Compare(Parse(y)), cmp.Compare(p.Compare(q), 0); got != want {
			t.Errorf("%s and %s: %d, want %d", x, y, got, want)
		}
		if got, want := Parse(x).IsPreRelease(), p.IsPreRelease(); got != want {
			t.Errorf("%s is a pre-release: %v, want %v", x, got, want)
		}
	})
}

// Semantic versions are ordered as Go orders modules. Identifiers of digits alone
// right behind the hyphen are left out: in tags they are builds.
func FuzzAsSemver(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := semanticVersion(a), semanticVersion(b)
		if !semver.IsValid(x) || !semver.IsValid(y) {
			t.Fatalf("%s or %s is not valid", x, y)
		}
		got, want := Parse(x).Compare(Parse(y)), semver.Compare(x, y)
		if got != want && !(got*want >= 0 && zeroIsNone(x, y)) {
			t.Errorf("%s and %s: %d, want %d", x, y, got, want)
		}
		if got, want := Parse(x).IsPreRelease(), semver.Prerelease(x) != ""; got != want {
			t.Errorf("%s is a pre-release: %v, want %v", x, got, want)
		}
	})
}

// Versions of Debian packages are ordered as dpkg orders them.
func FuzzAsDebian(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := debianVersion(a), debianVersion(b)
		p, err := deb.NewVersion(x)
		if err != nil {
			t.Fatal(err)
		}
		q, err := deb.NewVersion(y)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Parse(x).Compare(Parse(y)), cmp.Compare(p.Compare(q), 0); got != want {
			t.Errorf("%s and %s: %d, want %d", x, y, got, want)
		}
	})
}

func seeds(f *testing.F) {
	r := rand.New(rand.NewSource(1))
	for range 1500 {
		f.Add(r.Int63(), r.Int63())
	}
}

// zeroIsNone reports whether the versions may be equal here and not in semver:
// alpha and alpha.0 are one version of PEP 440.
func zeroIsNone(x, y string) bool {
	return strings.Contains(x+y, ".0")
}

type maker struct{ *rand.Rand }

func (m maker) one(words ...string) string { return words[m.Intn(len(words))] }

func (m maker) number() string { return fmt.Sprint(m.Intn(3) * m.Intn(6)) }

func (m maker) maybe(make func() string) string {
	if m.Intn(3) == 0 {
		return make()
	}
	return ""
}

func pythonVersion(seed int64) string {
	m := maker{rand.New(rand.NewSource(seed))}
	v := m.maybe(func() string { return m.number() + "!" }) + m.number()
	for range m.Intn(3) {
		v += "." + m.number()
	}
	// Words without a number between them, as in rcdev, are left out.
	sep := func() string {
		if c := v[len(v)-1]; c < '0' || c > '9' {
			return m.one(".", "-", "_")
		}
		return m.one("", ".", "-", "_")
	}
	v += m.maybe(func() string {
		return sep() + m.one("a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC") + m.maybe(func() string { return m.one("", ".", "-", "_") + m.number() })
	})
	v += m.maybe(func() string {
		return m.one("-"+m.number(), sep()+m.one("post", "rev", "r")+m.maybe(m.number))
	})
	v += m.maybe(func() string { return sep() + "dev" + m.maybe(m.number) })
	return v + m.maybe(func() string {
		return "+" + m.one("abc", "1", "ubuntu") + m.maybe(func() string { return "." + m.one("2", "x", "10") })
	})
}

func semanticVersion(seed int64) string {
	m := maker{rand.New(rand.NewSource(seed))}
	v := "v" + m.number() + "." + m.number() + "." + m.number()
	v += m.maybe(func() string {
		return "-" + m.one("alpha", "beta", "rc") + m.maybe(func() string { return "." + m.number() }) +
			m.maybe(func() string { return "." + m.one("alpha", "beta", "rc", "x") })
	})
	return v
}

func debianVersion(seed int64) string {
	m := maker{rand.New(rand.NewSource(seed))}
	v := m.number()
	for range 1 + m.Intn(2) {
		v += "." + fmt.Sprint(1+m.Intn(12))
	}
	v += m.maybe(func() string { return "~" + m.one("alpha", "beta", "rc") + fmt.Sprint(1+m.Intn(3)) })
	v += m.maybe(func() string {
		return "-" + fmt.Sprint(1+m.Intn(12)) + m.maybe(func() string {
			return m.one("ubuntu"+fmt.Sprint(1+m.Intn(12)), ".1", ".10", "~bpo"+fmt.Sprint(10+m.Intn(3)))
		})
	})
	return v
}

// The order that the module packaging of Python gives, recorded.
func TestAsPackaging(t *testing.T) {
	const oldestFirst = `
0.9 1.0.dev1 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345
1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.1.dev1 1!0.1`
	tags := strings.Fields(oldestFirst)
	for i, a := range tags {
		for j, b := range tags {
			if got := Compare(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}
