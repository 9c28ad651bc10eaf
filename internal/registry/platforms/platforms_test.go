package platforms

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestSelect(t *testing.T) {
	platform := func(name string) Platform {
		parts := strings.SplitN(name+"//", "/", 4)
		return Platform{parts[0], parts[1], parts[2]}
	}
	for name, tt := range map[string]struct{ want, have, selected string }{
		"v7 is what arm is":             {"linux/arm/v7", "linux/amd64 linux/arm linux/arm64", "linux/arm"},
		"and both of its spellings":     {"linux/arm/v7", "linux/arm linux/arm/v7 linux/arm/v6", "linux/arm linux/arm/v7"},
		"v7 comes before v6":            {"linux/arm/v7", "linux/arm/v5 linux/arm/v6 linux/arm/v7", "linux/arm/v7"},
		"v6 stands in for v7":           {"linux/arm/v7", "linux/arm/v5 linux/arm/v6 linux/arm/v8", "linux/arm/v6"},
		"v5 stands in for v7":           {"linux/arm/v7", "linux/arm/v5 linux/arm/v8", "linux/arm/v5"},
		"v7 is too new for v6":          {"linux/arm/v6", "linux/arm linux/arm/v8", ""},
		"any variant":                   {"linux/arm", "linux/arm/v5 linux/arm linux/arm/v8 linux/arm64", "linux/arm/v5 linux/arm linux/arm/v8"},
		"armhf":                         {"linux/armhf", "linux/arm/v5 linux/arm/v6 linux/arm", "linux/arm"},
		"armel":                         {"linux/armel", "linux/arm/v5 linux/arm/v6 linux/arm", "linux/arm/v6"},
		"an index that says armhf":      {"linux/arm/v7", "linux/armhf linux/armel", "linux/armhf"},
		"arm64 is v8":                   {"linux/arm64/v8", "linux/arm64 linux/arm64/v9 linux/arm/v8", "linux/arm64"},
		"and v8 is arm64":               {"linux/arm64", "linux/arm64/v8 linux/arm64", "linux/arm64/v8 linux/arm64"},
		"an index that says 8":          {"linux/arm64/v8", "linux/arm64/8", "linux/arm64/8"},
		"aarch64":                       {"linux/aarch64", "linux/arm64/v8 linux/amd64", "linux/arm64/v8"},
		"v9 runs v8.5":                  {"linux/arm64/v9", "linux/arm64 linux/arm64/v8.5 linux/arm64/v8.6", "linux/arm64/v8.5"},
		"v9.1 runs v9":                  {"linux/arm64/v9.1", "linux/arm64/v9 linux/arm64/v8.6", "linux/arm64/v9"},
		"v9 does not run v9.1":          {"linux/arm64/v9", "linux/arm64/v9.1 linux/arm64/v8.6", ""},
		"v8.2 runs v8":                  {"linux/arm64/v8.2", "linux/arm64 linux/arm64/v9", "linux/arm64"},
		"amd64 is v1":                   {"linux/amd64/v1", "linux/amd64 linux/amd64/v2", "linux/amd64"},
		"v2 stands in for v3":           {"linux/amd64/v3", "linux/amd64 linux/amd64/v2 linux/amd64/v4", "linux/amd64/v2"},
		"amd64 stands in for v3":        {"linux/amd64/v3", "linux/amd64 linux/386", "linux/amd64"},
		"x86_64":                        {"linux/x86_64", "linux/amd64/v2 linux/386", "linux/amd64/v2"},
		"386 is another":                {"linux/amd64", "linux/386 linux/arm64", ""},
		"i386":                          {"linux/i386", "linux/386 linux/amd64", "linux/386"},
		"another system":                {"linux/amd64", "windows/amd64 darwin/amd64", ""},
		"macos":                         {"macos/arm64", "darwin/arm64 linux/arm64", "darwin/arm64"},
		"a word for a variant":          {"linux/ppc64le/power9", "linux/ppc64le linux/ppc64le/power9 linux/ppc64le/power8", "linux/ppc64le/power9"},
		"no other word stands in":       {"linux/ppc64le/power9", "linux/ppc64le linux/ppc64le/power8", ""},
		"every version of a system":     {"windows/amd64", "windows/amd64 windows/amd64 linux/amd64", "windows/amd64 windows/amd64"},
		"several":                       {"linux/arm/v7 linux/s390x", "linux/arm/v6 linux/s390x linux/amd64", "linux/arm/v6 linux/s390x"},
		"of each the best":              {"linux/arm/v7 linux/arm/v6", "linux/arm/v6 linux/arm linux/arm/v5", "linux/arm/v6 linux/arm"},
		"what is not for an os at all":  {"linux/amd64", "unknown/unknown linux/amd64", "linux/amd64"},
		"an empty platform in an index": {"linux/amd64", "/ linux/amd64", "linux/amd64"},
		"nothing but an empty platform": {"linux/amd64", "/", ""},
	} {
		var have []Platform
		for _, p := range strings.Fields(tt.have) {
			have = append(have, platform(p))
		}
		var got []string
		for i, selected := range Select(strings.Fields(tt.want), have) {
			if selected {
				got = append(got, have[i].String())
			}
		}
		if strings.Join(got, " ") != tt.selected {
			t.Errorf("%s: got %q, want %q", name, strings.Join(got, " "), tt.selected)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, ok := range map[string]bool{
		"linux/amd64": true, "linux/arm/v7": true, "linux/arm64/v8.2": true, "linux/x86-64": true, "linux/x86_64": true,
		"linux": false, "linux/": false, "Linux/amd64": false, "linux/arm/v7/x": false, "linux/arm/": false, "": false, "linux amd64": false,
	} {
		if err := Check(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A platform that is a known one misspelled is a mistake.
func TestCheckSpelling(t *testing.T) {
	for name, want := range map[string]string{
		"linux/amd64": "", "linux/arm64/v8": "", "linux/arm/v7": "", "linux/riscv64": "", "windows/amd64": "", "linux/armhf": "", "linux/sw64": "", "plan9/amd64": "",
		"linux":           "is not of the form",
		"linux/amd46":     `"linux/amd46": there is no architecture amd46; did you mean linux/amd64?`,
		"linux/amd6":      "did you mean linux/amd64?",
		"linux/ppc64el":   "did you mean linux/ppc64le?",
		"linux/aarch46":   "did you mean linux/aarch64?",
		"linus/amd64":     "there is no operating system linus; did you mean linux/amd64?",
		"linux/arm46/v8":  "did you mean linux/arm64/v8?",
		"windos/s390":     "did you mean windows/s390?",
		"lniux/x86_64/v2": "did you mean linux/x86_64/v2?",
	} {
		err := Check(name)
		text := ""
		if err != nil {
			text = err.Error() + "; " + fault.Hint(err)
		}
		if (want == "") != (err == nil) || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
	}
}
