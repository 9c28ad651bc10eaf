package starter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// A rehearsal is what a scenario's plans need to run without the world that they name.
type rehearsal struct {
	scenario string
	vars     map[string]string // DIR stands for the test's directory
	mock     string            // connections
	images   map[string][]string
	links    map[string]string // files under DIR: where they come from among the examples
	changed  []int             // steps that change something, for each plan
}

var rehearsals = []rehearsal{
	{
		scenario: "rhosp13",
		vars:     map[string]string{"home": "DIR/home", "httpboot": "DIR/boot", "archives": "DIR/archives", "tht": "DIR/tht"},
		mock: `
  registries:
    upstream: { host: registry.redhat.io, embedded: { images: rhosp13 } }
    undercloud: { host: "192.168.24.1:8787", tls: disabled, embedded: { dir: site } }
  clouds: { undercloud: { embedded: { dir: glance } } }
  hosts: { boot: { host: "192.168.24.1:8088", tls: disabled, embedded: { dir: boot } } }`,
		links: map[string]string{"archives": "quickstart", "tht": "ci/tht", "boot/inspector.ipxe": "ci/inspector.ipxe"}, changed: []int{6},
	},
	{
		scenario: "rhosp17",
		vars:     map[string]string{"home": "DIR/home", "ironic": "DIR/ironic", "archives": "DIR/archives", "tht": "DIR/tht"},
		mock: `
  registries:
    upstream: { host: registry.redhat.io, embedded: { images: rhosp17.1 } }
    site: { host: "registry.example.com:5000", embedded: { dir: site } }`,
		links: map[string]string{"archives": "ci/archives", "tht": "ci/tht17", "ironic/images/x": "", "ironic/httpboot/x": ""}, changed: []int{6},
	},
	{
		scenario: "kolla",
		mock: `
  registries:
    upstream: { host: quay.io, embedded: { dir: quay.io } }
    site: { host: "registry.example.com:5000", embedded: { dir: site } }`,
		images: map[string][]string{"quay.io": nil}, changed: []int{3},
	},
	{
		scenario: "ironic",
		vars:     map[string]string{"downloads": "DIR/downloads", "httpboot": "DIR/boot"},
		mock: `
  hosts:
    tarballs: { host: tarballs.opendev.org, embedded: { dir: www } }
    boot: { host: "192.0.2.1:8080", tls: disabled, embedded: { dir: boot } }`,
		links: map[string]string{"www": "ci/www", "boot/x": ""}, changed: []int{4},
	},
	{
		scenario: "mirror",
		mock: `
  registries:
    hub: { host: docker.io, embedded: { dir: docker.io } }
    quay: { host: quay.io, embedded: { dir: quay.io } }
    github: { host: ghcr.io, embedded: { dir: ghcr.io } }
    site: { host: "registry.example.com:5000", embedded: { dir: site } }`,
		images: map[string][]string{
			"docker.io": nil,
			"quay.io":   {"prometheus/node-exporter:v1.9.0", "prometheus/node-exporter:v1.8.2", "prometheus/node-exporter:v1.8.1", "prometheus/node-exporter:latest"},
			"ghcr.io":   {"fluxcd/source-controller:v1.6.0", "fluxcd/source-controller:v1.5.0"},
		},
		changed: []int{1},
	},
	{
		scenario: "edge",
		mock: `
  registries:
    centre: { host: registry.example.com, embedded: { dir: registry.example.com } }
    site: { host: "registry.edge1.example.com:5000", embedded: { dir: site } }`,
		images: map[string][]string{"registry.example.com": nil}, changed: []int{1},
	},
	{
		scenario: "sites",
		mock: `
  registries:
    upstream: { host: registry.example.com, embedded: { dir: registry.example.com } }
    centre: { host: "centre.example.com:5000", embedded: { dir: centre } }
    sites: { host: "registry.*.example.com:5000", embedded: { dir: sites } }`,
		images: map[string][]string{"registry.example.com": nil}, changed: []int{4},
	},
	{
		scenario: "airgap",
		vars:     map[string]string{"media": "DIR/media/images.tar"},
		mock: `
  registries:
    hub: { host: docker.io, embedded: { dir: docker.io } }
    quay: { host: quay.io, embedded: { dir: quay.io } }
    site: { host: "registry.example.com:5000", embedded: { dir: site } }`,
		images: map[string][]string{"docker.io": nil, "quay.io": nil}, links: map[string]string{"media/x": ""}, changed: []int{1, 1},
	},
}

// The plans of every scenario are valid as they are. Against mock servers a diff goes all the
// way, an apply brings everything, and a second one has nothing to do.
func TestLargeScenarios(t *testing.T) {
	var names []string
	for _, r := range rehearsals {
		names = append(names, r.scenario)
		t.Run(r.scenario, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			written, err := Write(r.scenario, dir)
			if err != nil {
				t.Fatal(err)
			}
			r.prepare(t, dir)
			for i, name := range Plans(written) {
				valid(t, filepath.Join(dir, name))
				if n := r.run(t, dir, name); n != r.changed[i] {
					t.Errorf("%s: %d steps have changed something, want %d", name, n, r.changed[i])
				}
			}
		})
	}
	if diff := cmp.Diff(Names(), names); diff != "" {
		t.Errorf("scenarios (-known +rehearsed):\n%s", diff)
	}
}

// prepare makes the connections, the files and the images that are there before.
func (r rehearsal) prepare(t *testing.T, dir string) {
	t.Helper()
	for name, from := range r.links {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if from == "" {
			continue
		}
		from, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", from))
		if err == nil && strings.HasPrefix(name, "boot/") { // a directory into which the plan writes
			var text []byte
			if text, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(path, bytes.ReplaceAll(text, []byte("192.0.2.1"), []byte("192.168.24.1")), 0o644)
			}
		} else if err == nil {
			err = os.Symlink(from, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mock.yml"), []byte("connections:"+r.mock+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	lists, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for host, images := range r.images {
		for _, list := range lists {
			images = append(images, imagesOf(t, list, host)...)
		}
		fill(t, filepath.Join(dir, host), host, images)
	}
}

// imagesOf gives the images of a host in a list, without the host.
func imagesOf(t *testing.T, list, host string) []string {
	t.Helper()
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), host+"/"); ok {
			all = append(all, name)
		}
	}
	return all
}

// fill puts images into the directory of an embedded registry.
func fill(t *testing.T, dir, host string, images []string) {
	t.Helper()
	var made []registryserver.Image
	var todo []registry.Image
	for _, image := range images {
		repository, tag, _ := strings.Cut(image, ":")
		made = append(made, registryserver.Image{Repository: repository, Tags: []string{tag}, Labels: map[string]string{"name": image}})
		todo = append(todo, registry.Image{Source: "made.example/" + image, Target: host + "/" + image})
	}
	from, err := registryserver.New(registryserver.Config{Images: made, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := registryserver.New(registryserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	c, err := registry.New([]registry.Host{{Name: "made.example", Handler: from}, {Name: host, Handler: http.Handler(to)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	table, err := c.Plan(t.Context(), todo, registry.Selection{})
	if err == nil {
		err = errors.Join(table.Err(), c.Execute(t.Context(), table, registry.Options{}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// valid fails the test if a plan, as it is written, has mistakes or something to warn of.
func valid(t *testing.T, file string) {
	t.Helper()
	graph, _, warnings := open(t, file, plan.Options{Centre: "centre"}) // for bayplan-temporal, site has an effect
	if len(warnings) > 0 {
		t.Errorf("%s: %v", file, warnings)
	}
	if errs := graph.CheckFiles(t.Context(), nil); len(errs) > 0 {
		t.Errorf("%s: %v", file, errs)
	}
}

func open(t *testing.T, file string, o plan.Options) (*runner.Graph, *connections.Set, plan.Errors) {
	t.Helper()
	read, errs := plan.Load(t.Context(), file, o)
	if read == nil {
		t.Fatal(errs)
	}
	conns, more := connections.Connect(read)
	types := steps.Builtin(conns)
	graph, mistakes := runner.Check(read, types, errs...)
	if all := append(append(errs, more...), mistakes...); len(all) > 0 {
		t.Fatal(all)
	}
	return graph, conns, append(append(read.Warnings, graph.Warnings...), conns.Unused(read, runner.AskedBy(read, types))...)
}

// run diffs a plan, applies it twice, and gives how many steps have changed something.
func (r rehearsal) run(t *testing.T, dir, name string) int {
	t.Helper()
	vars := map[string]string{}
	declared, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range r.vars {
		if strings.Contains(string(declared), "\n  "+key+":") {
			vars[key] = strings.ReplaceAll(value, "DIR", dir)
		}
	}
	walk := func(readOnly bool, do func(*runner.Runner, context.Context) (*runner.Report, error)) *runner.Report {
		graph, conns, _ := open(t, filepath.Join(dir, name), plan.Options{Vars: vars, Connections: filepath.Join(dir, "mock.yml")})
		state := runner.StateDir(graph.Plan)
		store, err := runner.OpenStore(state, graph.Plan.File)
		if err == nil {
			err = conns.Open(readOnly)
		}
		if err != nil {
			t.Fatal(err)
		}
		report, err := do(&runner.Runner{Graph: graph, Store: store, Parallel: 4}, t.Context())
		if err == nil {
			err = report.Err()
		}
		if err = errors.Join(err, conns.Close(), store.Close()); err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := walk(true, (*runner.Runner).Diff); report.Count(runner.ToCreate, runner.ToChange) == 0 {
		t.Errorf("%s: nothing to do: %s", name, report.Summary())
	}
	changed := walk(false, (*runner.Runner).Apply).Count(runner.Changed)
	if again := walk(false, (*runner.Runner).Apply); again.Count(runner.Changed) > 0 {
		t.Errorf("%s, again: %s", name, again.Summary())
	}
	return changed
}

func TestWriteOverwritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	written, err := Write("airgap", dir)
	if diff := cmp.Diff([]string{".gitignore", "images.txt", "inside.yaml", "outside.yaml"}, written); diff != "" || err != nil {
		t.Fatal(err, diff)
	}
	if err := os.Remove(filepath.Join(dir, "inside.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := Write("airgap", dir); err == nil || !strings.HasSuffix(err.Error(), "images.txt: it exists already") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "inside.yaml")); err == nil {
		t.Error("one of the files was written")
	}
	kept := t.TempDir()
	if err := os.WriteFile(filepath.Join(kept, ".gitignore"), []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	written, err = Write("ironic", kept)
	text, _ := os.ReadFile(filepath.Join(kept, ".gitignore"))
	if fmt.Sprintf("%v %v %s", written, err, text) != "[bayplan.yaml] <nil> mine\n" {
		t.Errorf("wrote %v, %v; .gitignore is %q", written, err, text)
	}
}

func TestUnknownScenario(t *testing.T) {
	for name, want := range map[string]string{
		"rhosp12": "did you mean rhosp13?",
		"":        "there are rhosp13, rhosp17, kolla, ironic, mirror, edge, sites, airgap",
		"../x":    "there are rhosp13, rhosp17, kolla, ironic, mirror, edge, sites, airgap",
	} {
		if _, err := Files(name); err == nil || fault.Hint(err) != want {
			t.Errorf("%q: %v, hint %q", name, err, fault.Hint(err))
		}
	}
}
