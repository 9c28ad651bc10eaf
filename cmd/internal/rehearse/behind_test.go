package rehearse

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/revision"
)

// Of files that are not compared a note says so.
func TestCompareOfUnknown(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, base := t.TempDir(), t.TempDir()
	for _, in := range []string{dir, base} {
		for file, text := range map[string]string{"bayplan.yaml": basePlan, "list.txt": baseList, "ca.pem": "", "key.asc": "one"} {
			if err := write(filepath.Join(in, file), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Truncate(filepath.Join(in, "ca.pem"), revision.MaxFile+1); err != nil {
			t.Fatal(err)
		}
	}
	got, told, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(dir, "bayplan.yaml"))
	want := []string{"note: ca.pem: whether its content is another is not known: it has more than 64.0 MiB; connections.clouds.lab.ca reads it"}
	if diff := cmp.Diff(want, told); diff != "" || len(got) > 0 || err != nil {
		t.Errorf("%v, %v, the plan (-want +got):\n%s", got, err, diff)
	}
}

// A path that is relative to another directory is another file, though it is written as before.
func TestCompareWithMovedFiles(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, base := t.TempDir(), t.TempDir()
	const part = "apiVersion: bayplan/v1\nconnections: { registries: { site: { host: site.example, ca: ca.pem } } }\nsteps: { copy: { type: mirror, with: { to: site, images: list.txt } } }\n"
	for in, source := range map[string]string{dir: "b", base: "a"} {
		for file, text := range map[string]string{
			"bayplan.yaml": "apiVersion: bayplan/v1\nname: p\ninclude: [" + source + "/part.yaml]\n", "a/part.yaml": part, "b/part.yaml": part,
			"a/ca.pem": "one", "b/ca.pem": "two", "a/list.txt": "quay.io/a/one:1\n", "b/list.txt": "evil.example/a/one:1\n",
		} {
			if err := write(filepath.Join(in, file), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, told, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(dir, "bayplan.yaml"))
	want := []string{
		"update file b/ca.pem; connections.registries.site.ca reads it in the place of a/ca.pem",
		"update file b/list.txt; steps.copy reads it in the place of a/list.txt",
		"remove file b/list.txt: quay.io/a/one:1",
		"create file b/list.txt: evil.example/a/one:1",
	}
	if diff := cmp.Diff(want, told); diff != "" || err != nil {
		t.Errorf("%v, the plan (-want +got):\n%s", err, diff)
	}
}
