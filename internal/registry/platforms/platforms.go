// Package platforms says which of an image's platforms are meant by those that a plan
// names. It reads names as containerd does, and knows no manifests.
package platforms

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A Platform is what an image is for, as an index writes it.
type Platform struct{ OS, Architecture, Variant string }

// String gives os/architecture or os/architecture/variant.
func (p Platform) String() string {
	name := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	return name
}

var form = lazyregexp.New(`^[a-z0-9]+/[a-z0-9_-]+(/[a-z0-9.]+)?$`)

// Check checks the name of a platform: os/architecture[/variant].
func Check(name string) error {
	if !form.MatchString(name) {
		return fmt.Errorf("%q is not of the form os/architecture or os/architecture/variant", name)
	}
	parts := strings.Split(name, "/")
	return errors.Join(checkWord(name, "operating system", parts[0], systems()), checkWord(name, "architecture", parts[1], architectures()))
}

// checkWord checks a part of the name of a platform. Images may be for others than those that are
// known, but not for one that is a known one misspelled.
func checkWord(name, what, word string, known []string) error {
	if slices.Contains(known, word) {
		return nil
	}
	for _, k := range known {
		if human.OneEdit(word, k) {
			return fault.WithHint(fmt.Errorf("%q: there is no %s %s", name, what, word), "did you mean "+strings.Replace(name, word, k, 1)+"?")
		}
	}
	return nil
}

// systems and architectures are those that images are made for, in all spellings.
func systems() []string {
	return []string{"linux", "windows", "darwin", "macos", "freebsd", "netbsd", "openbsd", "solaris", "wasip1", "unknown"}
}

func architectures() []string {
	return []string{
		"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm",
		"i386", "x86_64", "x86-64", "aarch64", "armhf", "armel", "unknown", "arm64be", "armbe", "ppc", "riscv", "s390", "sparc64", "x86",
	}
}

// normal gives the one spelling of a platform.
func (p Platform) normal() Platform {
	n := Platform{strings.ToLower(p.OS), strings.ToLower(p.Architecture), strings.ToLower(p.Variant)}
	if n.OS == "macos" {
		n.OS = "darwin"
	}
	switch n.Architecture {
	case "i386":
		n.Architecture, n.Variant = "386", ""
	case "x86_64", "x86-64":
		n.Architecture = "amd64"
	case "aarch64":
		n.Architecture = "arm64"
	case "armhf":
		n.Architecture, n.Variant = "arm", "v7"
	case "armel":
		n.Architecture, n.Variant = "arm", "v6"
	}
	if n.Variant != "" && n.Variant[0] >= '0' && n.Variant[0] <= '9' {
		n.Variant = "v" + n.Variant
	}
	if n.Variant == "" {
		n.Variant = usual[n.Architecture]
	}
	return n
}

// usual are the variants of architectures that are written without one.
var usual = map[string]string{"arm": "v7", "arm64": "v8", "amd64": "v1"}

// Select reports for each platform whether it is wanted. A wanted platform without a
// variant is that with any. With a variant, it is the highest that a machine of that
// variant runs: of arm/v7, arm/v6 and arm/v5 the first that is there.
func Select(wanted []string, have []Platform) []bool {
	selected := make([]bool, len(have))
	for _, name := range wanted {
		want, anyVariant := parse(name)
		best, found := Platform{}, false
		for _, p := range have {
			if p = p.normal(); runs(want, p) && (!found || runs(p, best)) {
				best, found = p, true
			}
		}
		for i, p := range have {
			p = p.normal()
			if found && p == best || anyVariant && p.OS == want.OS && p.Architecture == want.Architecture {
				selected[i] = true
			}
		}
	}
	return selected
}

// parse reads the name of a wanted platform, and reports whether any variant will do.
func parse(name string) (p Platform, anyVariant bool) {
	parts := strings.SplitN(name+"//", "/", 4)
	p = Platform{parts[0], parts[1], parts[2]}
	anyVariant = p.Variant == "" && p.Architecture != "armhf" && p.Architecture != "armel"
	return p.normal(), anyVariant
}

// runs reports whether a machine of one platform runs images of another. Both are in
// their one spelling.
func runs(machine, image Platform) bool {
	if machine.OS != image.OS || machine.Architecture != image.Architecture {
		return false
	}
	if machine.Variant == image.Variant {
		return true
	}
	major, minor, ok := numbers(machine)
	below, lower, known := numbers(image)
	switch {
	case !ok || !known:
		return false
	case below == major:
		return lower <= minor
	case machine.Architecture == "arm64":
		return major == 9 && below == 8 && lower <= minor+5 // 9.0 has all that 8.5 has
	}
	return below < major
}

// numbers gives the numbers of a variant, where the higher has all that the lower has.
func numbers(p Platform) (major, minor int, ok bool) {
	if usual[p.Architecture] == "" {
		return 0, 0, false
	}
	first, second, dotted := strings.Cut(strings.TrimPrefix(p.Variant, "v"), ".")
	major, err := strconv.Atoi(first)
	if err == nil && dotted {
		minor, err = strconv.Atoi(second)
	}
	return major, minor, err == nil
}
