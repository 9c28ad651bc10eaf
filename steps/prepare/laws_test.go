package prepare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
)

func TestPrepareLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		p := newPrepare(t)
		reg := newPrepareRegistry(t)
		p.registry = reg
		insecure := true
		p.insecure = func(host string) bool { return insecure && host == prepareLocal }
		environment, envFile, imagesFile := string(p.Environments[0]), string(p.EnvFile), string(p.ImagesFile)
		return &steptest.Fixture{
			New:  func() runner.Step { return p.again() },
			Dirs: []string{filepath.Dir(envFile)},
			Break: []steptest.Break{
				{Name: "the environment file is gone", Do: func(t *testing.T) { prepareRemove(t, envFile) }},
				{Name: "the images file is gone", Do: func(t *testing.T) { prepareRemove(t, imagesFile) }},
				{Name: "a tag in the environment file is edited", Do: func(t *testing.T) {
					prepareWrite(t, envFile, strings.Replace(prepareRead(t, envFile), "13.0-40", "13.0-41", 1))
				}},
				{Name: "the images file is emptied", Do: func(t *testing.T) { prepareWrite(t, imagesFile, "") }},
				{Name: "an environment says something else", Do: func(t *testing.T) {
					prepareWrite(t, environment, prepareRead(t, environment)+"  OS::TripleO::Services::Redis: OS::Heat::None\n")
				}},
				{Name: "an image upstream is a newer one", Do: func(*testing.T) {
					name := prepareUpstream + "/rhosp13/openstack-cron:"
					newer := map[string]string{"version": "13.0", "release": "99"}
					reg.labels[name+"latest"], reg.labels[name+"13.0-99"] = newer, newer
				}},
				{Name: "the registry's connection gets TLS", Do: func(*testing.T) { insecure = false }},
			},
		}
	}})
}

func prepareRemove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// This step reads a directory, a roles file and a template, asks no registry, and
// writes one file.
func TestPrepareFilesLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		p, dir := newQueens(t)
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		p.EnvFile, p.ImagesFile = plan.Path(filepath.Join(out, "env.yaml")), ""
		p.EnvironmentDirectories, p.RolesFile = []plan.Path{plan.Path(filepath.Join(in, "env"))}, plan.Path(filepath.Join(in, "roles.yaml"))
		p.Template = plan.Path(filepath.Join(in, "list.j2"))
		prepareWrite(t, filepath.Join(in, "env", "a.yaml"), contained("Keystone"))
		prepareWrite(t, string(p.RolesFile), "- name: A\n  CountDefault: 1\n  ServicesDefault: ['OS::TripleO::Services::Keystone', 'OS::TripleO::Services::Redis']\n")
		template := "container_images_template:\n- imagename: '{{namespace}}/a:{{tag}}'\n  params: [DockerA]\n  services: ['OS::TripleO::Services::Keystone']\n" +
			"- imagename: '{{namespace}}/b:{{tag}}'\n  params: [DockerB]\n  services: ['OS::TripleO::Services::Redis']\n"
		prepareWrite(t, string(p.Template), template)
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
		return &steptest.Fixture{
			New:  func() runner.Step { return p.again() },
			Dirs: []string{out},
			Break: []steptest.Break{
				{Name: "an environment comes", Do: func(t *testing.T) { prepareWrite(t, filepath.Join(in, "env", "b.yaml"), contained("Redis")) }},
				{Name: "an environment goes", Do: func(t *testing.T) {
					prepareRemove(t, filepath.Join(in, "env", "a.yaml"))
					prepareWrite(t, filepath.Join(in, "env", "c.yaml"), contained("Redis"))
				}},
				{Name: "the roles are others", Do: func(t *testing.T) { prepareWrite(t, string(p.RolesFile), "- name: A\n") }},
				{Name: "the template is another one", Do: func(t *testing.T) { prepareWrite(t, string(p.Template), strings.ReplaceAll(template, "/a:", "/c:")) }},
				{Name: "the file is gone", Do: func(t *testing.T) { prepareRemove(t, string(p.EnvFile)) }},
			},
		}
	}})
}
