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

	"github.com/bayplan/bayplan/cmd/internal/document"
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
  clouds: { lab: { cloud: lab, ca: ca.pem }, other: { cloud: elsewhere } }
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
  store:
    type: glance-upload
    needs: [full]
    with: { to: { directory: /srv/glance }, images: [{ disk_format: qcow2, name: kept, file: /srv/images/full.qcow2 }] }
  keep: { type: mirror, with: { to: other, images: ["quay.io/kept/one:1", "quay.io/kept/two:1"] } }
  tool: { type: fetch, with: { url: "https://good.example/f", signature: "https://sig.example/f.asc", keyring: key.asc, to: f } }
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
		plan           string   // what is another in the plan
	}{
		"nothing":          {"bayplan.yaml", "name: compared", "name: compared", nil, ``},
		"a comment":        {"bayplan.yaml", "name: compared", "name: compared # by hand", nil, ``},
		"an image added":   {"list.txt", "quay.io/a/two:1.0\n", "quay.io/a/two:1.0\nquay.io/a/four:2\n", []string{"create image site.example/a/four:2", "update file out.txt"}, `create file list.txt: quay.io/a/four:2`},
		"an image removed": {"list.txt", "quay.io/a/two:1.0\n", "", []string{"remove tag site.example/a/two:1.0", "update file out.txt"}, `remove file list.txt: quay.io/a/two:1.0`},
		"an image removed where nothing is pruned": {
			"bayplan.yaml", `, "quay.io/kept/two:1"]`, `]`,
			[]string{"keep: no longer wanted, and left as it is: other.example/kept/two:1"},
			`remove steps.keep.with.images: quay.io/kept/two:1`,
		},
		"another tag": {
			"list.txt", "quay.io/a/two:1.0", "quay.io/a/two:1.1",
			[]string{"create image site.example/a/two:1.1", "remove tag site.example/a/two:1.0", "update file out.txt"},
			`remove file list.txt: quay.io/a/two:1.0|create file list.txt: quay.io/a/two:1.1`,
		},
		"another digest": {
			"list.txt", "@sha256:1111111111111111111111111111111111111111111111111111111111111111", "",
			[]string{"update file out.txt", "update image site.example/a/three:1.0"},
			`remove file list.txt: quay.io/a/three:1.0@sha256:1111111111111111111111111111111111111111111111111111111111111111|create file list.txt: quay.io/a/three:1.0`,
		},
		"another source":      {"list.txt", "quay.io/a/two:1.0", "evil.example/a/two:1.0", nil, `remove file list.txt: quay.io/a/two:1.0|create file list.txt: evil.example/a/two:1.0`},
		"a comment in a list": {"list.txt", "quay.io/a/two:1.0\n", "# why\n\nquay.io/a/two:1.0\n", nil, ``},
		"another order of a list": {
			"list.txt", "quay.io/a/one:1.0\nquay.io/a/two:1.0\n", "quay.io/a/two:1.0\nquay.io/a/one:1.0\n",
			[]string{"update file out.txt"},
			`update file list.txt; its lines are in another order`,
		},
		"a tag that was locked": {
			"bayplan.lock.yaml", "sha256:3333", "sha256:4333",
			[]string{"update image site.example/a/two:1.0"},
			`update file bayplan.lock.yaml: quay.io/a/two:1.0 sha256:3333333333333333333333333333333333333333333333333333333333333333 -> quay.io/a/two:1.0 sha256:4333333333333333333333333333333333333333333333333333333333333333`,
		},
		"a tag that is not locked": {
			"bayplan.lock.yaml", "  quay.io/a/two:1.0: sha256:3333333333333333333333333333333333333333333333333333333333333333\n", "", nil,
			`remove file bayplan.lock.yaml: quay.io/a/two:1.0 sha256:3333333333333333333333333333333333333333333333333333333333333333; not locked: apply looks it up`,
		},
		"a tag that is locked": {
			"bayplan.lock.yaml", "  quay.io/a/two", "  quay.io/kept/one:1: sha256:5555555555555555555555555555555555555555555555555555555555555555\n  quay.io/a/two", nil,
			`create file bayplan.lock.yaml: quay.io/kept/one:1 sha256:5555555555555555555555555555555555555555555555555555555555555555`,
		},
		"a platform less":         {"bayplan.yaml", "[linux/amd64, linux/arm64]", "[linux/amd64]", []string{"update image site.example/a/one:1.0", "update image site.example/a/three:1.0", "update image site.example/a/two:1.0", "update image site.example/tools/cli:v1.8", "update image site.example/tools/cli:v1.9"}, `remove steps.copy.with.platforms: linux/arm64`},
		"a selection of fewer":    {"bayplan.yaml", "newest: 2", "newest: 1", []string{"remove tag site.example/tools/cli:v1.8"}, `update steps.copy.with.images[1].tags.newest: 2 -> 1`},
		"another destination":     {"bayplan.yaml", "to: other", "to: site", []string{"create image site.example/kept/one:1", "create image site.example/kept/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"}, `update steps.keep.with.to: other -> site`},
		"a registry's other name": {"bayplan.yaml", "host: other.example", "host: new.example", []string{"create image new.example/kept/one:1", "create image new.example/kept/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"}, `update connections.registries.other.host: other.example -> new.example`},
		"another name there": {
			"bayplan.yaml", `"quay.io/kept/two:1"]`, `"quay.io/kept/two:1"], rename: [{ from: kept/, to: held/ }]`,
			[]string{"create image other.example/held/one:1", "create image other.example/held/two:1", "keep: no longer wanted, and left as it is: other.example/kept/one:1, other.example/kept/two:1"},
			`create steps.keep.with.rename: {"from":"kept/","to":"held/"}`,
		},
		"a step added": {"bayplan.yaml", "steps:\n", "steps:\n  more: { type: mkdir, with: { paths: [/srv/more] } }\n", []string{"create directory /srv/more"}, `create steps.more: mkdir|create steps.more.with.paths: /srv/more`},
		"a step removed": {
			"bayplan.yaml", `  conf: { type: prepare, with: { images: list.txt, push_destination: site.example, mode: local, format: images-list, env_file: out.txt } }` + "\n", "",
			nil, `remove steps.conf: prepare; what it has made stays: out.txt`,
		},
		"a registry that is not verified": {
			"bayplan.yaml", "host: site.example,", "host: site.example, tls: insecure, ca: ca.pem, embedded: {},",
			nil, "create connections.registries.site.tls: insecure|create connections.registries.site.ca: ca.pem|create connections.registries.site.embedded: {}",
		},
		"another user and secret": {
			"bayplan.yaml", "user: push,", "user: admin,", nil, "update connections.registries.site.user: push -> admin",
		},
		"a secret from elsewhere": {
			"bayplan.yaml", "{ env: NO_SUCH_VARIABLE }", "{ file: secret.txt }", nil, "remove secrets.push.env: NO_SUCH_VARIABLE|create secrets.push.file: secret.txt",
		},
		"an authority's certificate": {"ca.pem", "one", "two", nil, "update file ca.pem; its content is another; connections.clouds.lab.ca reads it"},
		"a key that images are trusted by": {
			"key.asc", "one", "two", nil, "update file key.asc; its content is another; steps.tool reads it",
		},
		"a source of a file": {"bayplan.yaml", "https://good.example", "https://evil.example", nil, "update steps.tool.with.url: https://good.example/f -> https://evil.example/f"},
		"retries and order": {
			"bayplan.yaml", "needs: [dirs]", "needs: [dirs, copy]\n    timeout: 5m\n    retry: 2", nil,
			"update steps.full.retry: 0 -> 2|update steps.full.timeout: 0s -> 5m0s|create steps.full.needs: copy",
		},
		"another order":     {"bayplan.yaml", `["quay.io/kept/one:1", "quay.io/kept/two:1"]`, `["quay.io/kept/two:1", "quay.io/kept/one:1"]`, nil, `update steps.keep.with.images: ["quay.io/kept/one:1","quay.io/kept/two:1"] -> ["quay.io/kept/two:1","quay.io/kept/one:1"]`},
		"another step's id": {"bayplan.yaml", "  conf: {", "  list: {", []string{"update file out.txt"}, `remove steps.conf: prepare|create steps.list.with.images: list.txt|create steps.list: prepare|create steps.list.with.env_file: out.txt|create steps.list.with.format: images-list|create steps.list.with.mode: local|create steps.list.with.push_destination: site.example`}, // it names the step
		"a file more":       {"bayplan.yaml", "expect: [full.qcow2]", "expect: [full.qcow2, more.raw]", nil, `create steps.full.with.expect: more.raw`},                                                                                                                                                                                                                                // both archives have it
		"a kernel more": { // the archive has it before, and of the same bytes
			"bayplan.yaml", "disk_format: qcow2 }]", "disk_format: qcow2 }, { name: boot, file: /srv/images/boot, disk_format: aki }]",
			[]string{"create image boot"},
			`create steps.upload.with.images: {"disk_format":"aki","file":"/srv/images/boot","name":"boot"}`,
		},
		"an image in a cloud": {"bayplan.yaml", "{ name: full, file", "{ name: full, properties: { arch: x86 }, file", []string{"update image full"}, `create steps.upload.with.images[0].properties.arch: x86`},
		"another cloud": {
			"bayplan.yaml", "cloud: lab, images", "cloud: other, images",
			[]string{"create image full", "upload: no longer wanted, and left as it is: full in the cloud lab"},
			`update steps.upload.with.cloud: lab -> other`,
		},
		"another directory of images": {
			"bayplan.yaml", "directory: /srv/glance", "directory: /srv/other",
			[]string{"create directory /srv/other", "create image /srv/other/full.qcow2", "store: no longer wanted, and left as it is: kept in /srv/glance"},
			`update steps.store.with.to.directory: /srv/glance -> /srv/other`,
		},
		"another image in a cloud": {
			"bayplan.yaml", "{ name: full, file", "{ name: whole, file",
			[]string{"create image whole", "upload: no longer wanted, and left as it is: full in the cloud lab"},
			`update steps.upload.with.images[0].name: full -> whole`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			dir, base := t.TempDir(), t.TempDir()
			for _, in := range []string{dir, base} {
				for file, text := range map[string]string{"bayplan.yaml": basePlan, "list.txt": baseList, "bayplan.lock.yaml": baseLock, "ca.pem": "one", "key.asc": "one"} {
					if err := os.WriteFile(filepath.Join(in, file), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			change(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			got, told, err := compared(t, filepath.Join(base, "bayplan.yaml"), filepath.Join(dir, "bayplan.yaml"))
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v, changes (-want +got):\n%s", err, diff)
			}
			if text := strings.Join(told, "|"); text != tt.plan {
				t.Errorf("the plan: got %s, want %s", text, tt.plan)
			}
		})
	}
}

// A mistake is told of the plan that has it.
func TestCompareMistakes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, wrong := range []string{"base.yaml", "bayplan.yaml"} {
		dir := t.TempDir()
		put := func(name, text string) {
			if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
				t.Error(err)
			}
		}
		put("base.yaml", planHead+"steps: { a: { type: mkdir, with: { paths: [a] } } }\n")
		put("bayplan.yaml", planHead+"steps: { a: { type: mkdir, with: { paths: [b] } } }\n")
		base := filepath.Join(dir, "base.yaml")
		err := Compare(t.Context(), Comparison{
			Base: base, File: filepath.Join(dir, "bayplan.yaml"),
			Options: Options{
				Plan: plan.Options{Redactor: redact.New()},
				Warn: func(plan.Errors) { put(wrong, planHead+"steps: 1\n") }, // the plan was read, and is read again
			},
		})
		if err == nil || !strings.Contains(err.Error(), wrong+":3:8: ") || strings.Contains(err.Error(), "the base "+base) != (wrong == "base.yaml") {
			t.Errorf("%s is wrong: %v", wrong, err)
		}
	}
}

// compared gives the items of a comparison with the notes, and what is another in the plan.
func compared(t *testing.T, base, file string, varFiles ...string) (found, told []string, err error) {
	t.Helper()
	err = Compare(t.Context(), Comparison{
		Base: base, File: file,
		Options: Options{
			Plan: plan.Options{Redactor: redact.New(), VarFiles: varFiles}, Warn: func(plan.Errors) {},
			Say: func(line string) { t.Error(line) },
		},
		Diff: func(r *runner.Runner, root string, finish func(*runner.Report) *document.Base) error {
			report, err := r.Diff(t.Context())
			if err != nil {
				return err
			}
			told = textsOf(finish(report))
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
			short := strings.NewReplacer(root+filepath.Dir(file)+"/", "", root+"/", "/", filepath.Dir(file)+"/", "")
			for _, list := range [][]string{found, told} {
				for i := range list {
					list[i] = short.Replace(list[i])
				}
			}
			slices.Sort(found)
			return report.Err()
		},
	})
	return found, told, err
}

// textsOf gives what is told of a base.
func textsOf(b *document.Base) []string {
	var texts []string
	if b.New {
		texts = append(texts, "new")
	}
	for _, c := range b.Changes {
		texts = append(texts, string(c.Op)+" "+c.Text(func(s string) string { return s }))
	}
	for _, note := range b.Notes {
		texts = append(texts, "note: "+note)
	}
	return texts
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
	put("ca.pem", "one")
	put("key.asc", "one")
	run("add", "-A")
	run("commit", "-q", "-m", "base")
	put("list.txt", baseList+"docker.io/library/debian:12\n")
	file := filepath.Join(dir, "bayplan.yaml")
	got, _, err := compared(t, "git:HEAD", file)
	if diff := cmp.Diff([]string{"create image site.example/library/debian:12", "update file out.txt"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for base, want := range map[string]string{
		"git:no-such-revision":            "the base git:no-such-revision: git knows no revision no-such-revision",
		"git:--upload-pack=x":             "git knows no revision --upload-pack=x",
		filepath.Join(dir, "absent.yaml"): "absent.yaml",
	} {
		if _, _, err := compared(t, base, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", base, err, want)
		}
	}
	put("list.txt", "quay.io/a/one\n")
	run("commit", "-qam", "a wrong list")
	put("list.txt", baseList)
	if _, _, err := compared(t, "git:HEAD", file); err == nil || !strings.Contains(err.Error(), "the base git:HEAD cannot be applied, not even in a rehearsal: copy: list of images ") || strings.Contains(err.Error(), "bayplan-rehearse-") {
		t.Errorf("a wrong base: %v", err)
	}
	put("bayplan.yaml", "steps: 1\n")
	run("commit", "-qam", "a wrong plan")
	put("bayplan.yaml", basePlan)
	if _, _, err := compared(t, "git:HEAD", file); err == nil || !strings.Contains(err.Error(), "the base git:HEAD: git:HEAD:sites/a/bayplan.yaml:1:1: ") {
		t.Errorf("a plan with mistakes: %v", err)
	}
}

// What a plan of a revision names is of that revision, too: what it includes, files of
// variables, lists that links lead to. What lies elsewhere is the present one, which is told.
func TestCompareWithFilesOfRevision(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	outer := t.TempDir()
	top := filepath.Join(outer, "repo")
	put := func(name, text string) {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", top, "-c", "user.name=n", "-c", "user.email=a@b.example"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	const plan = "apiVersion: bayplan/v1\nname: p\ninclude: [../common/c.yaml, ../../outside.yaml]\nvars: { tag: x }\nsteps:\n" +
		"  copy: { type: mirror, with: { to: site, images: [\"quay.io/a/one:${vars.tag}\", { file: ../common/list.txt }, { file: own.txt }] } }\n"
	put("sites/p.yaml", plan)
	put("common/c.yaml", "apiVersion: bayplan/v1\nconnections: { registries: { site: { host: site.example } } }\n")
	put("common/real.txt", "quay.io/a/two:1\n")
	if err := os.Symlink("real.txt", filepath.Join(top, "common", "list.txt")); err != nil {
		t.Fatal(err)
	}
	put("vars.yaml", "tag: '1'\n")
	put("../outside.yaml", "apiVersion: bayplan/v1\nsteps: { dirs: { type: mkdir, with: { paths: [made] } } }\n")
	run("init", "-q", "-b", "main")
	run("add", "-A")
	run("commit", "-q", "-m", "base")
	put("sites/own.txt", "quay.io/a/own:1\n") // git does not know it
	put("common/c.yaml", "apiVersion: bayplan/v1\nconnections: { registries: { site: { host: site.example, tls: insecure } } }\n")
	put("common/real.txt", "quay.io/a/three:1\n")
	put("vars.yaml", "tag: '2'\n")
	put("sites/new.yaml", strings.Replace(plan, "name: p", "name: new", 1))
	file := filepath.Join(top, "sites", "p.yaml")
	got, told, err := compared(t, "git:HEAD", file, filepath.Join(top, "vars.yaml"))
	if diff := cmp.Diff([]string{
		"copy: no longer wanted, and left as it is: site.example/a/one:1, site.example/a/two:1",
		"create image site.example/a/one:2", "create image site.example/a/three:1",
	}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{
		"create connections.registries.site.tls: insecure",
		"remove steps.copy.with.images: quay.io/a/one:1", "remove file " + top + "/common/list.txt: quay.io/a/two:1",
		"create steps.copy.with.images: quay.io/a/one:2", "create file " + top + "/common/list.txt: quay.io/a/three:1",
		"note: git:HEAD: " + outer + "/outside.yaml lies outside the repository or in a submodule, so the present file is used for both",
		"note: git:HEAD: sites/own.txt is not in that revision, so the present file is used for both",
	}, told); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	got, told, err = compared(t, "git:HEAD", filepath.Join(top, "sites", "new.yaml"))
	if len(got) != 4 || err != nil || told[0] != "new" || told[1] != "create connections.registries.site.tls: insecure" || !slices.Contains(told, "create file own.txt: quay.io/a/own:1") {
		t.Errorf("a new plan: %v, %v, %v", got, told, err)
	}
}
