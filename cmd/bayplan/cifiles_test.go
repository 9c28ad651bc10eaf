package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// readYAML reads a file of the repository as JSON would have it.
func readYAML(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// The action and the include are as the published schemas want them. See
// testdata/cifiles/README.md for where these come from.
func TestCIFilesFitTheirSchemas(t *testing.T) {
	for file, name := range map[string]string{"action.yml": "github-action.json", "templates/bayplan.gitlab-ci.yml": "gitlab-ci.json"} {
		c := jsonschema.NewCompiler()
		text, err := os.Open(filepath.Join("testdata", "cifiles", name))
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		doc, err := jsonschema.UnmarshalJSON(text)
		if err == nil {
			err = c.AddResource(name, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func(map[string]any){"as it is": nil, "broken": func(v map[string]any) { v["runs"], v["bayplan:diff"] = 1, 1 }} {
			value := readYAML(t, file)
			if change != nil {
				change(value)
			}
			b, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); (err == nil) != (change == nil) {
				t.Errorf("%s, %s: %v", file, what, err)
			}
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{ inputs\.(\w+) \}\}`)

// An actionJob runs the scripts of action.yml as GitHub does.
type actionJob struct {
	dir, out string            // the repository; where the runner keeps its files
	with     map[string]string // inputs
}

// run runs all steps and gives what they print.
func (j actionJob) run(t *testing.T) (string, error) {
	t.Helper()
	action := readYAML(t, "action.yml")
	inputs := action["inputs"].(map[string]any)
	env := append(os.Environ(), "PATH="+pathWithBinary(os.Getenv("PATH")), "RUNNER_TEMP="+j.out, "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+j.dir,
		"GITHUB_ENV="+filepath.Join(j.out, "env"), "GITHUB_OUTPUT="+filepath.Join(j.out, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(j.out, "summary"))
	var printed strings.Builder
	for _, step := range action["runs"].(map[string]any)["steps"].([]any) {
		step := step.(map[string]any)
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].(string))
		cmd.Dir, cmd.Stdout, cmd.Stderr = j.dir, &printed, &printed
		set, _ := os.ReadFile(filepath.Join(j.out, "env"))
		cmd.Env = append(env, strings.Split(string(set), "\n")...)
		for name, value := range step["env"].(map[string]any) {
			text := expression.ReplaceAllStringFunc(fmt.Sprint(value), func(found string) string {
				input := expression.FindStringSubmatch(found)[1]
				if given, ok := j.with[input]; ok {
					return given
				}
				return fmt.Sprint(inputs[input].(map[string]any)["default"])
			})
			cmd.Env = append(cmd.Env, name+"="+text)
		}
		if err := cmd.Run(); err != nil {
			return printed.String(), err
		}
	}
	return printed.String(), nil
}

func newActionJob(t *testing.T, with map[string]string) actionJob {
	t.Helper()
	j := actionJob{dir: t.TempDir(), out: t.TempDir(), with: with}
	j.with["binary"] = binary
	for name, text := range map[string]string{
		"good.yaml": `apiVersion: bayplan/v1
name: good
vars: { site: none }
connections:
  registries:
    from: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    to: { host: "192.0.2.1:8787", tls: disabled, embedded: { dir: world } }
steps:
  copy: { type: mirror, with: { images: ["registry.access.redhat.com/rhosp13/openstack-base:latest"], to: to } }
  dir: { type: mkdir, needs: [copy], with: { paths: ["${vars.site}"] } }
`,
		"bad.yaml": "apiVersion: bayplan/v1\nname: bad\nsteps: { a: { type: nothing, with: {} } }\n",
	} {
		if err := os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// The scripts of the action do what its inputs say.
func TestLargeActionRuns(t *testing.T) {
	j := newActionJob(t, map[string]string{"plan": "good.yaml", "commands": "validate rehearse\ndiff", "args": "--var=site=an edge; exit 7", "junit": "results"})
	printed, err := j.run(t)
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	for _, want := range []string{"good.yaml: 2 steps, no mistakes", "and nothing is wrong", "::group::bayplan diff"} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in\n%s", want, printed)
		}
	}
	output, err := os.ReadFile(filepath.Join(j.out, "output"))
	file := strings.TrimPrefix(strings.TrimSpace(string(output)), "diff=")
	diff, readErr := os.ReadFile(file)
	if err != nil || readErr != nil || !strings.Contains(string(diff), "an edge; exit 7") {
		t.Errorf("%v, %v: the diff is %q", err, readErr, diff)
	}
	for _, name := range []string{"validate", "rehearse", "diff-0"} {
		if text, err := os.ReadFile(filepath.Join(j.dir, "results", name+".xml")); err != nil || !strings.Contains(string(text), `failures="0"`) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if summary, err := os.ReadFile(filepath.Join(j.out, "summary")); err != nil || strings.Count(string(summary), "### bayplan ") != 3 {
		t.Errorf("%v: the summary is\n%s", err, summary)
	}
}

// With a base, the action shows what a change of the plan changes. A plan that the base does
// not have is new.
func TestLargeActionComparesWithBase(t *testing.T) {
	j := newActionJob(t, map[string]string{"plan": "good.yaml\nnew.yaml", "commands": "diff", "base": "HEAD"})
	commit(t, j.dir)
	text, err := os.ReadFile(filepath.Join(j.dir, "good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(text, []byte("openstack-base:latest"), []byte("openstack-cron:latest"))
	for _, name := range []string{"good.yaml", "new.yaml"} {
		if err := os.WriteFile(filepath.Join(j.dir, name), changed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	printed, err := j.run(t)
	diff, readErr := os.ReadFile(filepath.Join(j.out, "bayplan-diff.md"))
	if err != nil || readErr != nil || !strings.Contains(string(diff), "openstack-cron") || strings.Count(string(diff), "the plan is new: `git:HEAD` does not have it") != 1 {
		t.Errorf("%v, %v\n%s\n%s", err, readErr, printed, diff)
	}
	j.with["base"] = "nowhere"
	if printed, err := j.run(t); err == nil || !strings.Contains(printed, "git knows no revision nowhere") {
		t.Errorf("an unknown base: %v\n%s", err, printed)
	}
}

// commit makes a directory a repository with all of its files in a commit.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-qm", "one"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// A mistake ends the job, and is shown at its place.
func TestLargeActionFails(t *testing.T) {
	for with, want := range map[string]string{
		"good.yaml\nbad.yaml": "::error file=bad.yaml,line=3,col=21,title=bayplan validate::there is no step type",
		"absent.yaml":         "::error file=absent.yaml,title=bayplan validate::",
	} {
		j := newActionJob(t, map[string]string{"plan": with})
		if printed, err := j.run(t); err == nil || !strings.Contains(printed, want) || strings.Contains(printed, "bayplan rehearse") {
			t.Errorf("%q: %v\n%s", with, err, printed)
		}
	}
	j := newActionJob(t, map[string]string{"plan": "good.yaml", "commands": "validat"})
	if printed, err := j.run(t); err == nil || !strings.Contains(printed, "::error::commands: there is no command 'validat'") {
		t.Errorf("%v\n%s", err, printed)
	}
}

// The scripts of the include run in a shell as GitLab calls it, and leave the reports that
// the jobs declare.
func TestLargeIncludeRuns(t *testing.T) {
	include := readYAML(t, "templates/bayplan.gitlab-ci.yml")
	for _, job := range []string{"bayplan:validate", "bayplan:rehearse", "bayplan:changes", "bayplan:diff"} {
		j := newActionJob(t, map[string]string{})
		// What a merge request has in place of what the job writes is in none of it.
		for _, name := range []string{"bayplan-diff.md", "bayplan-junit.xml", "bayplan-junit-9.xml", "gl-code-quality-report.json"} {
			if err := os.WriteFile(filepath.Join(j.dir, name), []byte("[{\"forged\": 1}]"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		commit(t, j.dir)
		script := append(include[".bayplan"].(map[string]any)["before_script"].([]any), include[job].(map[string]any)["script"].([]any)...)
		var lines []string
		for _, line := range script {
			lines = append(lines, fmt.Sprint(line))
		}
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(lines, "\n"))
		cmd.Dir = j.dir
		cmd.Env = append(os.Environ(), "GITLAB_CI=true", "CI_PROJECT_DIR="+j.dir, "BAYPLAN_BINARY="+binary, "BAYPLAN_PLAN=good.yaml", "BAYPLAN_ARGS=--var=site=edge", "CI_MERGE_REQUEST_DIFF_BASE_SHA=HEAD")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "forged") {
			t.Errorf("%s: %v\n%s", job, err, out)
		}
		junit, err := filepath.Glob(filepath.Join(j.dir, "bayplan-junit*.xml"))
		quality, readErr := os.ReadFile(filepath.Join(j.dir, "gl-code-quality-report.json"))
		if err != nil || len(junit) != 1 || readErr != nil || string(quality) != "[]\n" {
			t.Errorf("%s: %v, %v, %v, %s", job, junit, err, readErr, quality)
		}
	}
}

// Where the first of several plans fails, the others are still looked at, the diff is shown,
// and the report has the problems of all.
func TestLargeIncludeFails(t *testing.T) {
	include := readYAML(t, "templates/bayplan.gitlab-ci.yml")
	for _, job := range []string{"bayplan:changes", "bayplan:diff"} {
		j := newActionJob(t, map[string]string{})
		commit(t, j.dir)
		script := fmt.Sprint(include[job].(map[string]any)["script"].([]any)...)
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = j.dir
		cmd.Env = append(os.Environ(), "GITLAB_CI=true", "CI_PROJECT_DIR="+j.dir, "BAYPLAN_BINARY="+binary, "BAYPLAN_PLAN=bad.yaml good.yaml absent.yaml", "CI_MERGE_REQUEST_DIFF_BASE_SHA=HEAD")
		out, err := cmd.CombinedOutput()
		quality, readErr := os.ReadFile(filepath.Join(j.dir, "gl-code-quality-report.json"))
		junit, _ := filepath.Glob(filepath.Join(j.dir, "bayplan-junit-*.xml"))
		if err == nil || !strings.Contains(string(out), "bayplan diff of `good`") || readErr != nil || !strings.Contains(string(quality), `"path": "bad.yaml"`) {
			t.Errorf("%s: %v, %v\n%s\n%s", job, err, readErr, out, quality)
		}
		if want := 3; len(junit) != want {
			t.Errorf("%s: %d files of JUnit XML, want %d", job, len(junit), want)
		}
	}
}
