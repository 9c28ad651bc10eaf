//go:build integration

package integration

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// maxBinary is the size in bytes that no binary of a release may have.
const maxBinary = 40 << 20

// A dist is what make release has made.
type dist struct{ dir, version string }

// TestRelease makes a release of the checkout, and uses all of it.
func TestRelease(t *testing.T) {
	work := publicDir(t)
	d := dist{dir: filepath.Join(work, "dist")}
	shell(t, `make -C ../../.. release dist="$1"`, d.dir)
	d.version = d.findVersion(t)
	t.Run("checksums", func(t *testing.T) {
		shell(t, `cd "$1" && sha256sum --check --strict --quiet SHA256SUMS && test "$(wc -l <SHA256SUMS)" = "$(ls | grep -vc SHA256SUMS)"`, d.dir)
	})
	t.Run("archives", d.testArchives)
	t.Run("bayplan-temporal", d.testTemporal)
	t.Run("components", d.testComponents)
	t.Run("image", d.testImage)
	again := copyCheckout(t, filepath.Join(work, "again"))
	t.Run("reproducible", func(t *testing.T) { d.testReproducible(t, work, again) })
	old := again.older(t, filepath.Join(work, "old"))
	t.Run("deb", func(t *testing.T) { testDeb(t, old.file(t, "deb"), d.file(t, "deb")) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, old.file(t, "rpm"), d.file(t, "rpm")) })
}

// TestReleaseProgram tests the program that makes releases. It is a module of its own.
func TestReleaseProgram(t *testing.T) {
	shell(t, `cd ../release && go vet -trimpath . && go test -trimpath -vet=off -count=1 .`)
}

// file returns the file for Linux on this processor with an ending.
func (d dist) file(t *testing.T, ending string) string {
	t.Helper()
	name := filepath.Join(d.dir, fmt.Sprintf("bayplan_%s_linux_%s.%s", d.version, runtime.GOARCH, ending))
	if _, err := os.Stat(name); err != nil {
		t.Fatal(err)
	}
	return name
}

func (d dist) findVersion(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.dir, "bayplan_*_oci.tar"))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(found[0]), "bayplan_"), "_oci.tar")
}

// unpack unpacks the archive for a platform and returns its only directory.
func (d dist) unpack(t *testing.T, platform string) string {
	t.Helper()
	dir, name := t.TempDir(), "bayplan_"+d.version+"_"+platform
	shell(t, `tar -C "$1" -xzf "$2" && test "$(ls "$1")" = "$3"`, dir, filepath.Join(d.dir, name+".tar.gz"), name)
	return filepath.Join(dir, name)
}

func (d dist) testArchives(t *testing.T) {
	for _, platform := range []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"} {
		dir := d.unpack(t, platform)
		for _, name := range []string{
			"README.md", "CHANGELOG.md", "ARCHITECTURE.md", "SECURITY.md", "LICENSE", "templates/bayplan.gitlab-ci.yml", "completion/bayplan.bash", "completion/_bayplan", "completion/bayplan.fish",
			"man/man1/bayplan.1", "man/man1/bayplan-serve-registry.1", "examples/quickstart/bayplan.yaml", "licenses/go/LICENSE",
		} {
			if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() == 0 {
				t.Errorf("%s: %s: %v", platform, name, err)
			}
		}
		binary := filepath.Join(dir, "bayplan")
		if fi, err := os.Stat(binary); err != nil || fi.Size() >= maxBinary {
			t.Errorf("%s: the binary has %d bytes, %v", platform, fi.Size(), err)
		} else {
			t.Logf("%s: %.1f MiB", platform, float64(fi.Size())/(1<<20))
		}
		info, err := buildinfo.ReadFile(binary)
		if err != nil || len(info.Deps) < 10 {
			t.Fatalf("%s: %v, %v", platform, info, err)
		}
		for _, module := range info.Deps {
			if found, err := os.ReadDir(filepath.Join(dir, "licenses", module.Path)); err != nil || len(found) == 0 {
				t.Errorf("%s: no licence of %s: %v", platform, module.Path, err)
			}
		}
	}
	dir := d.unpack(t, "linux_"+runtime.GOARCH)
	shell(t, `PATH="$1:$PATH" "$1/examples/ci/run.sh" >/dev/null; mkdir -p "$3/bin" "$3/share/man"; install "$1/bayplan" "$3/bin/"; cp -r "$1/man/man1" "$3/share/man/"
"$3/bin/bayplan" version | grep -E "^bayplan v?$2 go"
man -M "$3/share/man" bayplan-apply | grep -q "bayplan apply"`, dir, d.version, t.TempDir())
	// zsh loads the completion for the first word that it completes.
	shell(t, `cd "$1"; found=$(PATH="$PWD:$PATH" zsh -fc 'compadd() { print -r -- $found }; words=(bayplan versi) CURRENT=2
fpath=($PWD/completion $fpath); autoload -Uz _bayplan; _bayplan'); test "$found" = version`, dir)
	// The manual has no mistake that mandoc or groff knows.
	shell(t, `cd "$1/man/man1"; mandoc -T lint -W warning *.1
for page in *.1; do
	test "$(lexgrog "$page" | wc -l)" = 1
	LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null | if grep .; then exit 1; fi
done`, dir)
}

// testComponents checks that the list of a binary's components names the binary and all its
// modules.
func (d dist) testComponents(t *testing.T) {
	var bom struct {
		Metadata struct {
			Component  struct{ Name, Version string }
			Properties []struct{ Name, Value string }
		}
		Components []struct{ Name, Version, PURL string }
	}
	text, err := os.ReadFile(d.file(t, "cdx.json"))
	if err == nil {
		err = json.Unmarshal(text, &bom)
	}
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(d.unpack(t, "linux_"+runtime.GOARCH), "bayplan")
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, p := range bom.Metadata.Properties {
		digests[p.Name] = p.Value
	}
	if got := digests["cdx:gomod:binary:hash:SHA-256"]; "sha256:"+got != digest(data) {
		t.Errorf("it is about a binary %q, not %s", got, digest(data))
	}
	versions := map[string]string{}
	for _, c := range bom.Components {
		versions[c.Name] = c.Version
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range info.Deps {
		if versions[module.Path] != module.Version {
			t.Errorf("%s is %q, want %s", module.Path, versions[module.Path], module.Version)
		}
	}
	if want := strings.TrimPrefix(info.GoVersion, "go"); strings.TrimPrefix(versions["std"], "go") != want {
		t.Errorf("the standard library is %q, want %s", versions["std"], want)
	}
}

// A checkout is another copy of the sources, which belongs to the user nobody.
type checkout struct{ dir string }

// copyCheckout copies the repository with what is changed in it.
func copyCheckout(t *testing.T, to string) checkout {
	t.Helper()
	shell(t, `umask 022
git() { command git -c safe.directory='*' "$@"; }
from=$(git -C ../../.. rev-parse --show-toplevel) commit=$(git rev-parse HEAD)
mkdir "$1"; cp -a "$(git rev-parse --path-format=absolute --git-common-dir)" "$1/.git"; rm -rf "$1/.git/worktrees"
cd "$1"; git config core.bare false; git checkout -q --force --detach "$commit"
(cd "$from"; git ls-files -z | xargs -0 cp --no-preserve=timestamps --parents -t "$1"); git add --all
chown -R nobody: "$1"`, to)
	return checkout{to}
}

// testReproducible makes the release again: by another user, with another umask, in another
// directory, from nothing but the sources of the modules; and for all platforms with what
// Go has compiled already.
func (d dist) testReproducible(t *testing.T, work string, again checkout) {
	shell(t, `go build -C ../release -trimpath -o "$1/maker" .
mkdir "$1/modules" "$1/nobody"; chown nobody: "$1/nobody"
unshare --mount bash -ec 'mount --bind "$2" "$1/modules"; cd /; umask 077
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -i PATH="$PATH" HOME="$1/nobody" TZ=Asia/Tokyo LANG=C \
	GOMODCACHE="$1/modules" GOPROXY=off GOTOOLCHAIN=local "$1/maker" -source "$3" -platforms "linux/$4" -out "$1/nobody/dist"' \
	bash "$1" "$(go env GOMODCACHE)" "$2" "$3"`, work, again.dir, runtime.GOARCH)
	d.compare(t, filepath.Join(work, "nobody", "dist"), "bayplan*_linux_"+runtime.GOARCH+".*")
	shell(t, `"$1/maker" -source "$2" -out "$1/dist2"`, work, again.dir)
	d.compare(t, filepath.Join(work, "dist2"), "*")
}

// compare compares files of the release with those that were made elsewhere.
func (d dist) compare(t *testing.T, other, pattern string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(d.dir, pattern))
	if err != nil || len(names) < 4 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		if out, err := exec.CommandContext(t.Context(), "cmp", name, filepath.Join(other, filepath.Base(name))).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	}
}

// older makes the packages of an older version, in which the settings of the registry are
// others.
func (c checkout) older(t *testing.T, out string) dist {
	t.Helper()
	shell(t, `echo '# an older version' >>"$1/internal/dev/release/packaging/registry.env"
cd ../release && go run -trimpath . -source "$1" -version v0.0.1 -platforms "linux/$2" -out "$3"`, c.dir, runtime.GOARCH, out)
	return dist{out, "0.0.1"}
}
