package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// ask dials the server of the tests as an operator does.
func ask(t *testing.T) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: serverArgs[1], Namespace: serverArgs[3]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// An operator pauses a step or resets it: the step is stopped and done again, and what comes after it
// is done, too.
func TestPausedStep(t *testing.T) {
	for name, ops := range map[string]struct {
		stop func(context.Context, client.Client, *commonpb.WorkflowExecution) error
		on   func(context.Context, client.Client, *commonpb.WorkflowExecution) error
	}{
		"pause": {
			func(ctx context.Context, c client.Client, of *commonpb.WorkflowExecution) error {
				_, err := c.WorkflowService().PauseActivity(ctx, &workflowservice.PauseActivityRequest{
					Namespace: serverArgs[3], Execution: of, Activity: &workflowservice.PauseActivityRequest_Id{Id: "get"},
				})
				return err
			},
			func(ctx context.Context, c client.Client, of *commonpb.WorkflowExecution) error {
				_, err := c.WorkflowService().UnpauseActivity(ctx, &workflowservice.UnpauseActivityRequest{
					Namespace: serverArgs[3], Execution: of, Activity: &workflowservice.UnpauseActivityRequest_Id{Id: "get"},
				})
				return err
			},
		},
		"reset": {
			func(ctx context.Context, c client.Client, of *commonpb.WorkflowExecution) error {
				_, err := c.WorkflowService().ResetActivity(ctx, &workflowservice.ResetActivityRequest{
					Namespace: serverArgs[3], Execution: of, Activity: &workflowservice.ResetActivityRequest_Id{Id: "get"},
				})
				return err
			},
			func(context.Context, client.Client, *commonpb.WorkflowExecution) error { return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			site := "p" + name
			file := planFile(t, name, strings.NewReplacer("%s/file", g.url+"/file", "%s", site).Replace(gated))
			w, dir := beginWorker(t, site)
			c := begin(t, "run", "-f", file)
			<-g.asked
			server, of := ask(t), &commonpb.WorkflowExecution{WorkflowId: "bayplan/" + name}
			if err := ops.stop(t.Context(), server, of); err != nil {
				t.Fatal(err)
			}
			w.stdout.wait(t, "get: interrupted")
			close(g.open)
			if err := ops.on(t.Context(), server, of); err != nil {
				t.Fatal(err)
			}
			c.ended(t, 0, "2 changed, 0 unchanged, 0 failed")
			exists(t, filepath.Join(dir, name, "file"), filepath.Join(dir, name, "after"))
		})
	}
}

// A site with more steps than the state keeps runs has one run in its state, and keeps the ones before.
// What another site gave is known there, and was not done there.
func TestOneLog(t *testing.T) {
	file := planFile(t, "onelog", `
connections: { registries: { hub: { host: hub.example.com, embedded: { dir: hub } } } }
steps:
  art: { type: artifact, site: o0, with: { files: [list.txt], name: "lists:1", to: hub } }
  dir:
    type: mkdir
    for_each: [`+strings.TrimSuffix(strings.Repeat("x,", 60), ",")+`]
    site: o1
    with: { paths: ["made/${each.key}/${steps.art.digest}"] }
`, "list.txt", "a list\n")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plan := string(text)
	for i := range 60 {
		plan = strings.Replace(plan, "x,", string(rune('a'+i/26))+string(rune('a'+i%26))+",", 1)
	}
	write(t, file, strings.Replace(plan, "x]", "zz]", 1))
	beginWorker(t, "o0")
	_, dir := beginWorker(t, "o1")
	run(t, "run", "-f", file).ended(t, 0, "61 changed")
	run(t, "run", "-f", file).ended(t, 0, "61 unchanged")
	runs, err := filepath.Glob(filepath.Join(dir, "onelog/.bayplan/onelog/runs/*"))
	if err != nil || len(runs) != 2 {
		t.Fatalf("%d runs: %v", len(runs), err)
	}
	for i, counts := range []string{`"counts":{"changed":60}`, `"counts":{"unchanged":60}`} {
		b, err := os.ReadFile(filepath.Join(runs[i], "run.json"))
		if err != nil || !strings.Contains(string(b), counts) {
			t.Errorf("%v %s", err, b)
		}
	}
	state, err := os.ReadFile(filepath.Join(dir, "onelog/.bayplan/onelog/state.json"))
	if err != nil || strings.Count(string(state), `"given": true`) != 1 {
		t.Errorf("%v\n%.300s", err, state)
	}
}

// The command of way 1 has the values of the run.
func TestCommand(t *testing.T) {
	file := planFile(t, "command", `
vars: { a: x, b: x }
steps:
  dir: { type: mkdir, site: c1, with: { paths: ["made/${vars.a}/${vars.b}"] } }
  other: { type: mkdir, with: { paths: [x] } }
`)
	values := filepath.Join(t.TempDir(), "values.yaml")
	write(t, values, "a: from a file\n")
	beginWorker(t, "centre")
	w, dir := beginWorker(t, "c1")
	run(t, "run", "-f", file, "--var-file", values, "--var", "b=it's", "--locked").ended(t, 0, "2 changed")
	command := filepath.Join(dir, "command/.worker/apply")
	w.stderr.wait(t, "without this worker the site goes on by: sh "+command)
	exists(t, filepath.Join(dir, "command/made/from a file/it's"))
	got, err := os.ReadFile(command)
	at := filepath.Join(dir, "command")
	want := "bayplan apply -f " + at + "/plan.yaml --var-file " + at + "/.values/1.yaml --var-file " + at + "/.worker/values/vars.json --locked --only dir \"$@\"\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%swant\n%s", err, got, want)
	}
}
