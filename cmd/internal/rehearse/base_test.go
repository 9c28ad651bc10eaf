package rehearse

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

const basePlan = `apiVersion: bayplan/v1
name: compared
secrets: { push: { env: NO_SUCH_VARIABLE } }
connections:
  registries:
    site: { host: site.example, user: push, password: "${secrets.push}" }
    other: { host: other.example }
  clouds: { lab: { cloud: lab } }
steps:
  dirs: { type: mkdir, with: { paths: [/srv/images] } }
  full:
    type: untar
    needs: [dirs]
    with: { archive: /usr/share/images/full.tar, into: /srv/images, expect: [full.qcow2] }
  upload:
    type: glance-upload
    needs: [full]
    with: { cloud: lab, images: [{ name: full, file: /srv/images/full.qcow2, disk_format: qcow2 }] }
  copy:
    type: mirror
    with:
      to: site
      platforms: [linux/amd64, linux/arm64]
      prune: {}
      images:
        - file: list.txt
        - from: quay.io/tools/cli
          tags: { match: 'v1\.[0-9]', newest: 2 }
  keep: { type: mirror, with: { to: other, images: ["quay.io/kept/one:1", "quay.io/kept/two:1"] } }
  conf: { type: prepare, with: { images: list.txt, push_destination: site.example, mode: local, format: images-list, env_file: out.txt } }
  check: { type: verify-catalog, needs: [keep], with: { registry: site, expect: "${steps.copy.images}" } }
`

const baseList = "quay.io/a/one:1.0\nquay.io/a/two:1.0\nquay.io/a/three:1.0@sha256:1111111111111111111111111111111111111111111111111111111111111111\n"

const baseLock = `images:
  quay.io/a/one:1.0: sha256:2222222222222222222222222222222222222222222222222222222222222222
  quay.io/a/two:1.0: sha256:3333333333333333333333333333333333333333333333333333333333333333
`

// A change of a plan changes exactly what it is about.
func TestCompare(t *testing.T) {
	for name, tt := range map[string]struct {
		file, old, new string
		want           []string // OPERATION KIND NAME of each item, and the notes
	}{
		"nothing":          {"bayplan.yaml", "name: compared", "name: compared", nil},
		"a comment":        {"bayplan.yaml", "name: compared", "name: compared # by hand", nil},
		"an image added":   {"list.txt", "quay.io/a/two:1.0\n", "quay.io/a/two:1.0\nquay.io/a/four:2\n", []string{"create image site.example/a/four:2", "update file out.txt"}},
		"an image removed": {"list.txt", "quay.io/a/two:1.0\n", "", []string{"remove tag site.example/a/two:1.0", "update file out.txt"}},
		"an image removed where nothing is pruned": {
			"bayplan.yaml", `, "quay.io/kept/two:1"]`, `]`,
			[]string{"keep: no longer wanted, and left as it is: other.example/kept/two:1"},
		},
		"another tag": {
			"list.txt", "quay.io/a/two:1.0", "quay.io/a/two:1.1",
			[]string{"create image site.example/a/two:1.1", "remove tag site.example/a/two:1.0", "update file out.txt"},
		},
		"another digest":          {"list.txt", "sha256:11", "sha256:41", []string{"update file out.txt", "update image site.example/a/three:1.0"}},
		"a tag that was locked":   {"bayplan.lock.yaml", "sha256:33", "sha256:43", []string{"update image site.example/a/two:1.0"}},
		"a platform less":         {"bayplan.yaml", "[linux/amd64, linux/arm64]", "[linux/amd64]", []string{"update image site.example/a/one:1.0", "update image site.example/a/three:1.0", "update image site.example/a/two:1.0", "update image site.example/tools/cli:v1.8", "update image site.example/tools/cli:v1.9"}},
		"a selection of fewer":    {"bayplan.yaml", "newest: 2", "newest: 1", []string{"remove tag site.example/tools/cli:v1.8"}},
		"another destination":     {"bayplan.yaml", "to: other", "to: site", []string{"create image site.example/kept/one:1", "create image site.example/kept/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"}},
		"a registry's other name": {"bayplan.yaml", "host: other.example", "host: new.example", []string{"create image new.example/kept/one:1", "create image new.example/kept/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"}},
		"another name there": {
			"bayplan.yaml", `"quay.io/kept/two:1"]`, `"quay.io/kept/two:1"], rename: [{ from: kept/, to: held/ }]`,
			[]string{"create image other.example/held/one:1", "create image other.example/held/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"},
		},
		"a step added": {"bayplan.yaml", "steps:\n", "steps:\n  more: { type: mkdir, with: { paths: [/srv/more] } }\n", []string{"create directory /srv/more"}},
		"a step removed": {
			"bayplan.yaml", `  conf: { type: prepare, with: { images: list.txt, push_destination: site.example, mode: local, format: images-list, env_file: out.txt } }` + "\n", "",
			[]string{"the step conf is gone, and what it has made stays: out.txt"},
		},
		"another step's id":   {"bayplan.yaml", "  conf: {", "  list: {", []string{"update file out.txt"}},     // it names the step
		"a file more":         {"bayplan.yaml", "expect: [full.qcow2]", "expect: [full.qcow2, more.raw]", nil}, // both archives have it
		"an image in a cloud": {"bayplan.yaml", "{ name: full, file", "{ name: full, properties: { arch: x86 }, file", []string{"update image full"}},
		"another image in a cloud": {
			"bayplan.yaml", "{ name: full, file", "{ name: whole, file",
			[]string{"create image whole", "upload: no longer wanted, and left as it is: full"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			dir, base := t.TempDir(), t.TempDir()
			for _, in := range []string{dir, base} {
				for file, text := range map[string]string{"bayplan.yaml": basePlan, "list.txt": baseList, "bayplan.lock.yaml": baseLock} {
					if err := os.WriteFile(filepath.Join(in, file), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			change(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			got, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(dir, "bayplan.yaml"))
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v, changes (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A setting that changes nothing in a world of stand-ins is told all the same.
func TestCompareTellsSettings(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const text = "apiVersion: bayplan/v1\nname: p\nconnections: { registries: { site: { host: site.example } } }\nsteps:\n" +
		"  copy: { type: mirror, with: { to: site, images: [\"quay.io/a/one:1\"] } }\n" +
		"  file: { type: fetch, with: { url: \"https://good.example/f\", to: f } }\n"
	dir := t.TempDir()
	for name, content := range map[string]string{
		"base.yaml": text,
		"p.yaml":    strings.NewReplacer("quay.io", "evil.example", "good.example", "evil.example").Replace(text) + "  dirs: { type: mkdir, with: { paths: [/srv] } }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var notes []string
	err := Compare(t.Context(), Comparison{
		Base: filepath.Join(dir, "base.yaml"), File: filepath.Join(dir, "p.yaml"), Lock: func(string) string { return filepath.Join(dir, "none") },
		Options: Options{Plan: plan.Options{Redactor: redact.New()}, Warn: func(plan.Errors) {}, Say: func(string) {}},
		Diff: func(r *runner.Runner, _ string, annotate func(*runner.Report)) error {
			report, err := r.Diff(t.Context())
			if err != nil {
				return err
			}
			annotate(report)
			for _, s := range report.Steps {
				for _, note := range s.Finding.Notes {
					if !strings.HasPrefix(note, "nothing vouches") {
						notes = append(notes, s.ID+": "+note)
					}
				}
			}
			return report.Err()
		},
	})
	want := []string{
		`copy: images: ["quay.io/a/one:1"] -> ["evil.example/a/one:1"]`,
		`file: url: "https://good.example/f" -> "https://evil.example/f"`,
		"dirs: the step is new",
	}
	if diff := cmp.Diff(want, notes); diff != "" || err != nil {
		t.Errorf("%v, notes (-want +got):\n%s", err, diff)
	}
}

// compared gives the items of a comparison, and its notes.
func compared(t *testing.T, base, file string) (found []string, err error) {
	t.Helper()
	err = Compare(t.Context(), Comparison{
		Base: base, File: file, Lock: func(file string) string { return strings.TrimSuffix(file, ".yaml") + ".lock.yaml" },
		Options: Options{
			Plan: plan.Options{Redactor: redact.New()}, Warn: func(plan.Errors) {},
			Say: func(line string) { found = append(found, line) },
		},
		Diff: func(r *runner.Runner, root string, annotate func(*runner.Report)) error {
			report, err := r.Diff(t.Context())
			if err != nil {
				return err
			}
			annotate(report)
			for _, s := range report.Steps {
				if c := s.Finding.Change; c != nil {
					for _, it := range c.Items {
						found = append(found, fmt.Sprintf("%s %s %s", it.Op, it.What, it.Name))
					}
				}
				for _, note := range s.Finding.Notes {
					if strings.HasPrefix(note, "no longer wanted") {
						found = append(found, s.ID+": "+note)
					}
				}
			}
			for i := range found {
				found[i] = strings.ReplaceAll(found[i], root+filepath.Dir(file)+"/", "")
				found[i] = strings.ReplaceAll(found[i], root+"/", "/")
			}
			slices.Sort(found)
			return report.Err()
		},
	})
	return found, err
}

// The base may be a revision of git, with the files that lie beside the plan there.
func TestCompareWithRevision(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	top := t.TempDir()
	dir := filepath.Join(top, "sites", "a")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", top, "-c", "user.name=n", "-c", "user.email=a@b.example"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run("init", "-q")
	put("bayplan.yaml", basePlan)
	put("list.txt", baseList)
	run("add", "-A")
	run("commit", "-q", "-m", "base")
	put("list.txt", baseList+"docker.io/library/debian:12\n")
	file := filepath.Join(dir, "bayplan.yaml")
	got, err := compared(t, "git:HEAD", file)
	if diff := cmp.Diff([]string{"create image site.example/library/debian:12", "update file out.txt"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for base, want := range map[string]string{
		"git:no-such-revision":            "the base git:no-such-revision: git knows no revision no-such-revision",
		"git:--upload-pack=x":             "git knows no revision --upload-pack=x",
		filepath.Join(dir, "absent.yaml"): "absent.yaml",
	} {
		if _, err := compared(t, base, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", base, err, want)
		}
	}
	put("list.txt", "quay.io/a/one\n")
	run("commit", "-qam", "a wrong list")
	put("list.txt", baseList)
	if _, err := compared(t, "git:HEAD", file); err == nil || !strings.Contains(err.Error(), "the base git:HEAD cannot be applied, not even in a rehearsal: ") || strings.Contains(err.Error(), "bayplan-rehearse-") {
		t.Errorf("a wrong base: %v", err)
	}
}
