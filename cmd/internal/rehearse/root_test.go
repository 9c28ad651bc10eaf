package rehearse

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/upstream"
)

// makeLayout makes a layout with one image.
func makeLayout(t *testing.T, dir, name string) {
	t.Helper()
	u, err := upstream.New("made.example", "", upstream.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	c, err := registry.New([]registry.Host{{Name: "made.example", Handler: u}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	table, err := c.Plan(t.Context(), []registry.Image{{Source: "made.example/" + name, Target: "oci:" + dir + ":" + name}}, registry.Selection{})
	if err == nil {
		err = table.Err()
	}
	if err == nil {
		err = c.Execute(t.Context(), table, registry.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What lies outside the plan's folder is stood in for, however its path is spelled.
func TestOutsideIsNotRead(t *testing.T) {
	outside := t.TempDir()
	makeLayout(t, filepath.Join(outside, "layout"), "real/image:7")
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(entry string) string {
		return "container_images:\n- imagename: " + entry + "\n"
	}
	fetch := func(url string) map[string]string {
		return map[string]string{"bayplan.yaml": fmt.Sprintf("steps:\n  f: { type: fetch, with: { url: %q, to: out } }\n", url)}
	}
	mirror := func(images, file string) map[string]string {
		return map[string]string{"list.yaml": file, "bayplan.yaml": "steps:\n  m: { type: mirror, with: { images: " + images + ", to: r.example.com } }\n"}
	}
	escaped := strings.NewReplacer("o", `\u006f`).Replace
	for name, files := range map[string]map[string]string{
		"a file":                 fetch("file://" + secret),
		"a file in short":        fetch("file:" + secret),
		"a file in capitals":     fetch("FILE://localhost" + secret),
		"a file with escapes":    fetch("file://" + strings.ReplaceAll(secret, "/secret", "/%73ecret")),
		"a layout":               mirror(`["oci:`+outside+`/layout"]`, ""),
		"a layout with escapes":  mirror(`["`+escaped("oci:")+outside+`/layout"]`, ""),
		"a layout by a detour":   mirror(`["oci:/srv/../`+outside+`/layout"]`, ""),
		"a list":                 mirror("list.yaml", list("oci:"+outside+"/layout")),
		"a list with escapes":    mirror("list.yaml", list(`"`+escaped("oci:")+outside+`/layout:real/image:7"`)),
		"a list in another form": mirror("list.yaml", "container_images: [{imagename: 'oci:"+outside+"/layout'}]\n"),
	} {
		t.Run(name, func(t *testing.T) {
			dir, keep := t.TempDir(), filepath.Join(t.TempDir(), "world")
			for file, text := range files {
				if strings.HasPrefix(text, "steps:") {
					text = planHead + text
				}
				if err := write(filepath.Join(dir, file), []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			said, ok, err := rehearsed(t, Options{Keep: keep}, filepath.Join(dir, "bayplan.yaml"))
			if err != nil || !ok {
				t.Errorf("%v, %v:\n%s", ok, err, said)
			}
			for file := range tree(t, keep) {
				content, _ := os.ReadFile(file)
				if strings.Contains(string(content), "a secret") {
					t.Errorf("%s has the real file", file)
				}
			}
			if _, err := os.Stat(filepath.Join(keep, "registries/r.example.com/real/image/blobs")); err == nil && !strings.Contains(files["list.yaml"], "image:7") {
				t.Error("the images are those of the real layout")
			}
		})
	}
}

// Links in the plan's folder are followed, but for those that lead out of it or of its repository.
func TestLinks(t *testing.T) {
	away := t.TempDir()
	if err := write(filepath.Join(away, "secret"), []byte("a secret\n")); err != nil {
		t.Fatal(err)
	}
	outside := trial{want: []string{"nothing is wrong", "list of images: "}, not: "secret:"}
	mirror := func(images string) string {
		return planHead + "steps:\n  m: { type: mirror, with: { images: " + images + ", to: r.example.com } }\n"
	}
	prepare := planHead + `steps:
  p:
    type: prepare
    with: { release: rhosp13, namespace: registry.access.redhat.com/rhosp13, prefix: openstack-, tag: "13.0", environment_directories: [env], env_file: e.yaml }
`
	for name, tt := range map[string]struct {
		plan  string
		links map[string]string // targets by name
		trial
	}{
		"a layout":                     {plan: mirror("[{ layout: lay }]"), links: map[string]string{"lay": "layout.real"}},
		"a layout by an absolute link": {plan: mirror("[{ layout: lay }]"), links: map[string]string{"lay": "DIR/layout.real"}},
		"a layout below a link":        {plan: mirror("[{ layout: lay/real }]"), links: map[string]string{"lay": ".", "real": "layout.real"}},
		"a relative layout of a list":  {plan: mirror("lists/relative.txt"), links: map[string]string{"lists": "lists.real"}},
		"a list":                       {plan: mirror("list.txt"), links: map[string]string{"list.txt": "lists.real/list.txt"}},
		"environments":                 {plan: prepare, links: map[string]string{"env": "env.real"}},
		"environments, one a link":     {plan: prepare, links: map[string]string{"env": "env.real", "env.real/b.yaml": "../lists.real/empty.yaml", "env.real/none.yaml": "nowhere", "env.real/loop": "../env.real"}},
		"a layout outside":             {plan: mirror("[{ layout: lay }]"), links: map[string]string{"lay": "OUTSIDE/layout"}, trial: trial{want: []string{"nothing is wrong", "layout: "}}},
		"a list outside":               {plan: mirror("list.txt"), links: map[string]string{"list.txt": "../AWAY/secret"}, trial: outside},
		"a list outside, over links":   {plan: mirror("one/list.txt"), links: map[string]string{"one": "deep/er", "deep/er": "..", "list.txt": "../AWAY/secret"}, trial: outside},
		"a list below a link outside":  {plan: mirror("lists/secret"), links: map[string]string{"lists": "../AWAY"}, trial: outside},
		"a list in the repository":     {plan: mirror("sub/list.txt"), links: map[string]string{".git": ".", "sub": "../REPO/lists.real"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "deep"), 0o755); err != nil {
				t.Fatal(err)
			}
			makeLayout(t, filepath.Join(dir, "layout.real"), "mine/image:1")
			for file, text := range map[string]string{
				"bayplan.yaml": tt.plan, "lists.real/list.txt": "quay.io/a/b:1\n", "lists.real/relative.txt": "oci:../layout.real\n",
				"env.real/a.yaml": "parameter_defaults: {}\n", "lists.real/empty.yaml": "parameter_defaults: {}\n",
			} {
				if err := write(filepath.Join(dir, file), []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			for link, to := range tt.links {
				to = strings.NewReplacer("DIR", dir, "OUTSIDE", away, "REPO", filepath.Base(dir), "../AWAY", strings.Repeat("../", 20)+away[1:]).Replace(to)
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			tt.plans = []string{"bayplan.yaml"}
			tt.rehearse(t, dir)
		})
	}
}
