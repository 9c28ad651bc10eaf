package rehearse

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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
		"remove file b/list.txt: quay.io/a/one:1",
		"create file b/list.txt: evil.example/a/one:1",
		"update file b/ca.pem; connections.registries.site.ca reads it in the place of a/ca.pem",
		"update file b/list.txt; steps.copy reads it in the place of a/list.txt",
	}
	if diff := cmp.Diff(want, told); diff != "" || err != nil {
		t.Errorf("%v, the plan (-want +got):\n%s", err, diff)
	}
}

// Files behind files are compared: those that clouds.yaml leads to, and those of a directory.
func TestCompareFilesBehindFiles(t *testing.T) {
	const text = `apiVersion: bayplan/v1
name: p
connections: { clouds: { lab: { cloud: lab, clouds_file: clouds.yaml } } }
steps:
  up: { type: glance-upload, with: { cloud: lab, images: [{ name: i, file: i.raw, disk_format: raw }] } }
  make: { type: prepare, with: { release: rhosp13, namespace: registry.example.com/rhosp13, tag: "13.0", environment_directories: [env], env_file: out.yaml } }
`
	files := map[string]string{
		"bayplan.yaml": text, "i.raw": "x", "cloud.pem": "one", "env/a.yaml": "parameter_defaults: {}\n", "env/b.yaml": "parameter_defaults: {}\n",
		"clouds.yaml": "clouds: { lab: { profile: here, auth: { username: u, project_name: p }, cacert: DIR/cloud.pem } }\n",
		"secure.yaml": "clouds: { lab: { auth: { password: one } } }\n", "clouds-public.yaml": "public-clouds: { here: { auth: { auth_url: 'https://good.example' } } }\n",
	}
	const cloud, dir = "; its content is another; connections.clouds.lab reads it", "; its content is another; steps.make reads it"
	for file, tt := range map[string]struct {
		text string // "": the file is gone
		want string
	}{
		"secure.yaml":        {"clouds: { lab: { auth: { auth_url: 'https://evil.example', password: one } } }\n", "update file secure.yaml" + cloud},
		"clouds-public.yaml": {"public-clouds: { here: { auth: { auth_url: 'https://evil.example' } } }\n", "update file clouds-public.yaml" + cloud},
		"cloud.pem":          {"two", "update file cloud.pem" + cloud},
		"env/a.yaml":         {"parameter_defaults: {} # other\n", "update file env/a.yaml" + dir},
		"env/b.yaml":         {"", "update file env/b.yaml" + dir},
		"env/c.yaml":         {"parameter_defaults: {}\n", "update file env/c.yaml" + dir},
		"secure.yml":         {"", ""},
	} {
		t.Run(file, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			now, base := t.TempDir(), t.TempDir()
			for name, text := range files {
				for _, in := range []string{now, base} {
					if err := write(filepath.Join(in, name), []byte(strings.ReplaceAll(text, "DIR", now))); err != nil {
						t.Fatal(err)
					}
				}
			}
			err := os.RemoveAll(filepath.Join(now, file))
			if tt.text != "" {
				err = write(filepath.Join(now, file), []byte(tt.text))
			}
			if err != nil {
				t.Fatal(err)
			}
			_, told, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(now, "bayplan.yaml"))
			if got := strings.Join(told, "|"); got != tt.want || err != nil {
				t.Errorf("%v, got %s, want %s", err, got, tt.want)
			}
		})
	}
}

// A list of images that does not belong to the plan's folder is not quoted, however the plan comes to it.
func TestCompareOutside(t *testing.T) {
	away := t.TempDir()
	secret := filepath.Join(away, "secret.txt")
	if err := write(secret, []byte("a secret\n")); err != nil {
		t.Fatal(err)
	}
	const text = planHead + "steps: { copy: { type: mirror, with: { to: r.example.com, images: list.txt } } }\n"
	for name, tt := range map[string]struct{ link, images string }{
		"a relative link":  {strings.Repeat("../", 20) + secret[1:], "list.txt"},
		"an absolute link": {secret, "list.txt"},
		"an absolute path": {"", secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			dir, base := t.TempDir(), t.TempDir()
			err := errors.Join(
				write(filepath.Join(base, "bayplan.yaml"), []byte(text)), write(filepath.Join(base, "list.txt"), []byte("quay.io/a/b:1\n")),
				write(filepath.Join(dir, "bayplan.yaml"), []byte(strings.Replace(text, "list.txt", tt.images, 1))),
			)
			if tt.link != "" {
				err = errors.Join(err, os.Symlink(tt.link, filepath.Join(dir, "list.txt")))
			}
			if err != nil {
				t.Fatal(err)
			}
			got, told, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(dir, "bayplan.yaml"))
			all := strings.Join(append(got, told...), "|")
			if err != nil || strings.Contains(all, "a secret") || !strings.Contains(all, "note: "+tt.images+": it does not belong to the plan's folder, and is not read here; steps.copy reads it") {
				t.Errorf("%v, %s", err, all)
			}
			if !strings.Contains(all, ": quay.io/a/b:1") {
				t.Errorf("what is gone is not told: %s", all)
			}
		})
	}
}
