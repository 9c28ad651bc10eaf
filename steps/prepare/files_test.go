package prepare

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// newQueens gives a step that reads the files of its settings and asks no registry.
func newQueens(t *testing.T) (p *prepare, dir string) {
	t.Helper()
	dir = t.TempDir()
	return &prepare{
		Release: "queens", Namespace: "h:1/n", Prefix: "p", Tag: "t",
		EnvFile: plan.Path(filepath.Join(dir, "out.yaml")), ImagesFile: plan.Path(filepath.Join(dir, "images.yaml")),
		insecure: func(string) bool { return false }, moved: noneMoved,
	}, dir
}

// noneMoved stands in for connections.Set.MovedSelections.
func noneMoved(context.Context, []tagselect.Selection) ([]string, []runner.Moved) { return nil, nil }

// contained is an environment that puts one service into a container.
func contained(service string) string {
	return "resource_registry:\n  OS::TripleO::Services::" + service + ": /tht/docker/services/s.yaml\n"
}

// prepareImages gives the basenames of the images.
func prepareImages(t *testing.T, p *prepare, w runner.World) string {
	t.Helper()
	var names []string
	for _, ref := range prepareDiff(t, p, w).Outputs["images"].Items() {
		name, _, _ := strings.Cut(ref[strings.LastIndex(ref, "/")+1:], ":")
		names = append(names, strings.TrimPrefix(name, "p-"))
	}
	return strings.Join(names, " ")
}

func TestPrepareReadsEnvironmentDirectories(t *testing.T) {
	p, dir := newQueens(t)
	for name, text := range map[string]string{
		"a/2.yaml": contained("Redis"), "a/10.yaml": contained("Keystone"), "a/notes.yml": contained("Memcached"), "a/.hidden.yaml": contained("Horizon"),
		"a/deeper/3.yaml": contained("RabbitMQ"), "a/dir.yaml/4.yaml": contained("MySQL"),
		"b/1.yaml": "resource_registry:\n  OS::TripleO::Services::Redis: OS::Heat::None\n",
		"last":     contained("AodhApi"),
	} {
		prepareWrite(t, filepath.Join(dir, name), text)
	}
	at := func(name string) plan.Path { return plan.Path(filepath.Join(dir, name)) }
	p.EnvironmentDirectories, p.Environments = []plan.Path{at("a")}, []plan.Path{at("last")}
	if got := prepareImages(t, p, &runner.Disk{}); got != "aodh-api keystone redis" {
		t.Errorf("images = %q", got)
	}
	p.EnvironmentDirectories = []plan.Path{at("a"), at("b")}
	if got := prepareImages(t, p, &runner.Disk{}); got != "aodh-api keystone" {
		t.Errorf("with a second directory: images = %q", got)
	}
	p.Environments = []plan.Path{at("a/2.yaml")}
	if got := prepareImages(t, p, &runner.Disk{}); got != "keystone redis" {
		t.Errorf("environments come after the directories: images = %q", got)
	}
	inputs, err := p.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, in := range inputs {
		names = append(names, strings.TrimPrefix(in.Name, "environment "+dir))
	}
	if diff := cmp.Diff([]string{"/a/10.yaml", "/a/2.yaml", "/b/1.yaml", "/a/2.yaml", "insecure registries"}, names); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

// A step does not read a file that it writes into an environment directory itself: a
// second run would find other files than the first.
func TestPrepareDoesNotReadItsOwnFiles(t *testing.T) {
	p, dir := newQueens(t)
	prepareWrite(t, filepath.Join(dir, "keystone.yaml"), contained("Keystone"))
	p.EnvironmentDirectories = []plan.Path{plan.Path(dir)}
	before, err := p.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	prepareApply(t, prepareDiff(t, p, &runner.Disk{}).Change)
	after, err := p.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("inputs (-before +after):\n%s", diff)
	}
	if finding := prepareDiff(t, p, &runner.Disk{}); finding.Change != nil {
		t.Errorf("a second run would change %v", finding.Change.Items)
	}
}

// A directory is read as earlier steps would leave it.
func TestPrepareReadsPlannedDirectories(t *testing.T) {
	p, dir := newQueens(t)
	p.EnvironmentDirectories = []plan.Path{plan.Path(filepath.Join(dir, "not", "yet"))}
	text := contained("Keystone")
	w := runner.Planned(&runner.Disk{}, runner.File{
		Path: filepath.Join(dir, "not", "yet", "a.yaml"), Size: int64(len(text)), Mode: 0o644,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	})
	if got := prepareImages(t, p, w); got != "keystone" {
		t.Errorf("images = %q", got)
	}
}

// An environment directory without files counts as no environment, and nothing is
// filtered.
func TestPrepareEmptyDirectoryIsNoEnvironment(t *testing.T) {
	p, dir := newQueens(t)
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.EnvironmentDirectories = []plan.Path{plan.Path(filepath.Join(dir, "empty"))}
	if n := len(prepareDiff(t, p, &runner.Disk{}).Outputs["images"].Items()); n != 88 {
		t.Errorf("%d images, want 88", n)
	}
}

// The template tree gives the roles, and for rhosp13 the base environment.
func TestPrepareReadsTemplateTree(t *testing.T) {
	p, dir := newQueens(t)
	p.Release, p.Tree = "rhosp13", plan.Path(filepath.Join(dir, "tht"))
	prepareWrite(t, filepath.Join(dir, "tht", "environments", "docker.yaml"),
		"resource_registry:\n  OS::TripleO::Services::Keystone: ../docker/services/k.yaml\n  OS::TripleO::Services::Redis: ../docker/services/r.yaml\nparameter_defaults: {SecondCount: 1}\n")
	prepareWrite(t, filepath.Join(dir, "tht", "roles_data.yaml"),
		"- name: First\n  CountDefault: 1\n  ServicesDefault: ['OS::TripleO::Services::Keystone']\n- name: Second\n  ServicesDefault: ['OS::TripleO::Services::Redis', 'OS::TripleO::Services::Horizon']\n")
	if got := prepareImages(t, p, &runner.Disk{}); got != "keystone redis" {
		t.Errorf("images = %q", got)
	}
	want := []string{filepath.Join(dir, "tht/environments/docker.yaml"), filepath.Join(dir, "tht/roles_data.yaml")}
	if diff := cmp.Diff(want, p.Paths().Reads); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	p.RolesFile = plan.Path(filepath.Join(dir, "roles.yaml"))
	prepareWrite(t, string(p.RolesFile), "- name: A\n  CountDefault: 1\n  ServicesDefault: ['OS::TripleO::Services::Redis']\n")
	if got := prepareImages(t, p, &runner.Disk{}); got != "redis" {
		t.Errorf("with a roles file of its own: images = %q", got)
	}
	p.Release, p.RolesFile, p.Environments = "queens", "", []plan.Path{plan.Path(filepath.Join(dir, "tht", "environments", "docker.yaml"))}
	if got := prepareImages(t, p, &runner.Disk{}); got != "keystone redis" {
		t.Errorf("queens: images = %q", got)
	}
	p.Release, p.Environments = "train", nil
	if got := prepareImages(t, p, &runner.Disk{}); got != "keystone" {
		t.Errorf("train: images = %q", got)
	}
}

func TestPrepareRendersTemplate(t *testing.T) {
	p, dir := newQueens(t)
	p.Template, p.Set = plan.Path(filepath.Join(dir, "list.j2")), map[string]string{"mine": "x"}
	prepareWrite(t, string(p.Template), "container_images_template:\n- imagename: '{{namespace}}/{{name_prefix}}{{mine}}:{{tag}}'\n  params: [DockerMineImage]\n")
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if got := prepareImages(t, p, &runner.Disk{}); got != "x" {
		t.Errorf("images = %q", got)
	}
	inputs, err := p.Inputs(t.Context(), &runner.Disk{})
	if err != nil || inputs[0].Name != "template "+string(p.Template) {
		t.Errorf("inputs = %v, %v", inputs, err)
	}
	prepareWrite(t, string(p.Template), "container_images_template:\n{% for a in b %}\n")
	_, err = p.Diff(t.Context(), &runner.Disk{}, nil)
	prepareWantError(t, err, "template file "+string(p.Template)+`:2: the statement "for" is not supported`)
}

// The error about a file that does not exist names the most similar one that does.
func TestPrepareSuggestsFiles(t *testing.T) {
	p, dir := newQueens(t)
	prepareWrite(t, filepath.Join(dir, "tht", "environments", "docker-ha.yaml"), contained("Redis"))
	prepareWrite(t, filepath.Join(dir, "tht", "roles_data.yaml"), "[]\n")
	at := func(name string) plan.Path { return plan.Path(filepath.Join(dir, name)) }
	tests := []struct {
		name string
		set  func(p *prepare)
		want string
		hint string
	}{
		{"an environment", func(p *prepare) { p.Environments = []plan.Path{at("tht/environments/docker_ha.yaml")} }, "environment file " + string(at("tht/environments/docker_ha.yaml")), "did you mean " + string(at("tht/environments/docker-ha.yaml")) + "?"},
		{"its directory", func(p *prepare) { p.Environments = []plan.Path{at("tht/enviroments/docker-ha.yaml")} }, "no such file", "did you mean " + string(at("tht/environments/docker-ha.yaml")) + "?"},
		{"a roles file", func(p *prepare) { p.RolesFile = at("tht/role_data.yaml") }, "roles file", "did you mean " + string(at("tht/roles_data.yaml")) + "?"},
		{"a template", func(p *prepare) { p.Template = at("tht/nothing-like-it") }, "template file", "must be there"},
		{"a directory", func(p *prepare) { p.EnvironmentDirectories = []plan.Path{at("tht/environment")} }, "environment directory " + string(at("tht/environment")) + ": no such file or directory", "did you mean " + string(at("tht/environments")) + "?"},
		{"a file for a directory", func(p *prepare) { p.EnvironmentDirectories = []plan.Path{at("tht/roles_data.yaml")} }, "environment directory", ""},
		{"a tree", func(p *prepare) { p.Release, p.Tree = "rhosp13", at("thd") }, "environment file " + string(at("thd/environments/docker.yaml")), "must be there"},
		{"a section", func(p *prepare) {
			prepareWrite(t, string(at("e.yaml")), "\nparameter_default:\n  A: b\n")
			p.Environments = []plan.Path{at("e.yaml")}
		}, "e.yaml:2: unknown section", "did you mean parameter_defaults?"},
		{"a key of a list", func(p *prepare) {
			prepareWrite(t, string(at("e.yaml")), "parameter_defaults:\n  ContainerImagePrepare:\n  - tag_from_lable: x\n")
			p.Release, p.Environments, p.Namespace, p.Prefix, p.Tag = "train", []plan.Path{at("e.yaml")}, "", "", ""
		}, `e.yaml:3: ContainerImagePrepare: entry 1: tag_from_lable: unknown key`, "did you mean tag_from_label?"},
		{"a variable of a list", func(p *prepare) {
			prepareWrite(t, string(at("e.yaml")), "parameter_defaults:\n  ContainerImagePrepare:\n  - set:\n      name_prefx: x\n")
			p.Release, p.Environments, p.Namespace, p.Prefix, p.Tag = "wallaby", []plan.Path{at("e.yaml")}, "", "", ""
		}, `e.yaml:4: unknown variable "name_prefx"`, "did you mean name_prefix?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := *p
			tt.set(&q)
			_, err := q.Inputs(t.Context(), &runner.Disk{})
			prepareWantError(t, err, tt.want)
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint = %q, want %q", hint, tt.hint)
			}
		})
	}
}

func TestPrepareReportsAllMissingFiles(t *testing.T) {
	p, dir := newQueens(t)
	p.Environments, p.RolesFile, p.Template = []plan.Path{"/none/a.yaml", plan.Path(dir), "/none/b.yaml"}, "/none/c.yaml", "/none/d.j2"
	_, err := p.Inputs(t.Context(), &runner.Disk{})
	prepareWantError(t, err, "environment file /none/a.yaml: ", "environment file "+dir+": it is a directory", "environment file /none/b.yaml: ",
		"roles file /none/c.yaml: ", "template file /none/d.j2: ")
}
