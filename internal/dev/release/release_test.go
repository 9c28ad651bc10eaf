package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is the least that a program of a release can be made of.
const source = `package main

import (
	"os"
	"path/filepath"
)

func main() {
	if os.Args[1] == "man" {
		os.MkdirAll(os.Args[2], 0o755)
		os.WriteFile(os.Args[2]+"/"+filepath.Base(os.Args[0])+".1", []byte(".TH BAYPLAN 1"), 0o644)
		return
	}
	os.Stdout.WriteString("# completion of " + os.Args[2])
}
`

// newSource makes a repository of a small program, with a file that git does not track in
// each place where it could get into a release.
func newSource(t *testing.T) string {
	t.Helper()
	dir := newRepository(t)
	write := func(names ...string) {
		for _, name := range names {
			text := map[string]string{
				"go.mod": "module example.com/bayplan\n\ngo 1.26\n", "cmd/bayplan/main.go": source,
				"cmd/bayplan-temporal/go.mod": "module example.com/bayplan/cmd/bayplan-temporal\n\ngo 1.26\n", "cmd/bayplan-temporal/main.go": source,
			}[name]
			if text == "" {
				text = "# " + name + "\n"
			}
			if strings.HasSuffix(name, ".service") {
				text += "ExecStart=/usr/local/bin/bayplan\n"
			}
			if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	packaging := "internal/dev/release/packaging/"
	for _, of := range []program{bayplan, temporal} {
		write(of.units...)
		for name := range of.settings {
			write(packaging + name)
		}
		for _, name := range []string{"postinstall.sh", "preremove.sh", "postremove.sh"} {
			write(packaging + path.Join(of.scripts, name))
		}
	}
	write("cmd/bayplan-temporal/go.mod", "cmd/bayplan-temporal/main.go")
	write("go.mod", "cmd/bayplan/main.go", "LICENSE", "README.md", "SECURITY.md", "docs/page.md", "examples/run.sh", "schemas/x.json", "schemas/gen.go")
	for _, args := range [][]string{{"add", "."}, {"update-index", "--chmod=+x", "examples/run.sh"}} {
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	write("NOTES.md", "docs/draft.md", "cmd/bayplan/untracked.go") // the last one does not compile
	return dir
}

// unpacked returns the modes of the files of an archive, by their names below its directory.
func unpacked(t *testing.T, name string) map[string]int64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return modes
		} else if err != nil {
			t.Fatal(err)
		}
		if _, below, _ := strings.Cut(h.Name, "/"); h.Typeflag == tar.TypeReg {
			modes[below] = h.Mode
		}
	}
}

func TestArchiveOfTrackedFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	if err := run(t.Context(), options{source: newSource(t), out: out, version: "v1.2.3", platforms: []platform{thisMachine}}); err != nil {
		t.Fatal(err)
	}
	checkArchive(t, filepath.Join(out, "bayplan-temporal_1.2.3_"+thisMachine.String()+".tar.gz"), map[string]int64{
		"bayplan-temporal": 0o755, "LICENSE": 0o644, "man/man1/bayplan-temporal.1": 0o644, "examples/systemd/bayplan-worker@.service": 0o644,
	})
	checkArchive(t, filepath.Join(out, "bayplan_1.2.3_"+thisMachine.String()+".tar.gz"), map[string]int64{
		"bayplan": 0o755, "LICENSE": 0o644, "README.md": 0o644, "SECURITY.md": 0o644, "docs/page.md": 0o644, "examples/run.sh": 0o755, "schemas/x.json": 0o644,
		"examples/systemd/bayplan@.service": 0o644, "examples/systemd/bayplan@.timer": 0o644, "examples/systemd/bayplan-registry.service": 0o644, "examples/systemd/bayplan-worker@.service": 0o644,
		"man/man1/bayplan.1": 0o644, "completion/bayplan.bash": 0o644, "completion/_bayplan": 0o644, "completion/bayplan.fish": 0o644,
	})
}

// checkArchive compares the files of an archive, besides licences, and their modes.
func checkArchive(t *testing.T, name string, want map[string]int64) {
	t.Helper()
	got := unpacked(t, name)
	for name, mode := range want {
		if got[name] != mode {
			t.Errorf("%s has mode %o, want %o", name, got[name], mode)
		}
	}
	for name := range got {
		if want[name] == 0 && !strings.HasPrefix(name, "licenses/") {
			t.Errorf("the archive has %s", name)
		}
	}
}

// The manual is written by the binary for this machine, also where it is not released.
func TestReleaseForOtherMachines(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	if err := run(t.Context(), options{source: newSource(t), out: out, version: "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	if found, err := filepath.Glob(filepath.Join(out, "*.tar.gz")); err != nil || len(found) != 0 {
		t.Errorf("made %v, %v", found, err)
	}
}

func TestPackagedFiles(t *testing.T) {
	source := newSource(t)
	r := &release{options: options{source: source}, dir: t.TempDir()}
	if err := r.takeSource(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.installed(built{program: bayplan}, "rpm"); err == nil || !strings.Contains(err.Error(), "completion/") {
		t.Errorf("without completion: %v", err)
	}
	b := built{program: bayplan}
	for _, name := range []string{"bayplan.bash", "_bayplan", "bayplan.fish"} {
		b.generated.add(path.Join(completionDir, name), []byte("x"))
	}
	for format, licence := range map[string]string{"deb": "copyright", "rpm": "LICENSE"} {
		all, err := r.installed(b, format)
		if err != nil {
			t.Fatal(err)
		}
		modes := map[string]fs.FileMode{}
		for _, f := range all {
			modes[f.name] = f.mode
		}
		for name, want := range map[string]fs.FileMode{licence: 0o644, "SECURITY.md": 0o644, "examples/run.sh": 0o755} {
			if got := modes[path.Join(bayplan.docDir(), name)]; got != want {
				t.Errorf("%s: %s has mode %o, want %o", format, name, got, want)
			}
		}
	}
	r.documents = slices.DeleteFunc(r.documents, func(f file) bool { return f.name == "LICENSE" })
	if _, err := r.installed(b, "deb"); err == nil || !strings.Contains(err.Error(), "LICENSE") {
		t.Errorf("without a licence: %v", err)
	}
}

func TestTrackedFileIsMissing(t *testing.T) {
	source := newSource(t)
	if err := os.Remove(filepath.Join(source, "docs", "page.md")); err != nil {
		t.Fatal(err)
	}
	if _, err := tracked(t.Context(), source); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that git tracks is not there: %v", err)
	}
	if err := os.Symlink("page.md", filepath.Join(source, "docs", "link.md")); err != nil {
		t.Fatal(err)
	}
	if _, err := git(t.Context(), source, "add", "."); err != nil {
		t.Fatal(err)
	}
	if _, err := tracked(t.Context(), source); err == nil || !strings.Contains(err.Error(), "docs/link.md") {
		t.Errorf("git tracks a link: %v", err)
	}
}

// Every link of a document that users get leads to a file that they get, too.
func TestShippedLinks(t *testing.T) {
	files, err := tracked(t.Context(), "../../..")
	if err != nil {
		t.Fatal(err)
	}
	var all tree
	for _, f := range files {
		if isDocument(f.name) {
			all = append(all, f)
		}
	}
	known := map[string]bool{}
	for _, f := range all.sorted() {
		known[f.name] = true
	}
	link, links := regexp.MustCompile(`\]\(([^)#\s]+)`), 0
	for _, f := range all {
		if path.Ext(f.name) != ".md" {
			continue
		}
		for _, m := range link.FindAllSubmatch(f.data, -1) {
			to := string(m[1])
			if strings.Contains(to, ":") {
				continue // an address
			}
			links++
			if at := path.Join(path.Dir(f.name), to); !known[at] {
				t.Errorf("%s links to %s, which is in no archive", f.name, to)
			}
		}
	}
	if links < 200 {
		t.Errorf("found only %d links", links)
	}
}
