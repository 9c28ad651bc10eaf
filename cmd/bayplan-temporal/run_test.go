package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// The centre fills a registry; what it put there travels to two sites, a text and a list.
func TestRun(t *testing.T) {
	file := planFile(t, "values", `
connections:
  registries:
    hub: { host: hub.example.com, embedded: { dir: hub } }
vars: { sites: [v1, v2] }
steps:
  art: { type: artifact, with: { files: [list.txt], name: "lists:1", to: hub } }
  made:
    type: mkdir
    for_each: ${vars.sites}
    site: ${each.key}
    with: { paths: ["made/${steps.art.digest}"] }
  listed:
    type: mkdir
    for_each: ${steps.made}
    site: ${each.key}
    with: { paths: "${steps.art.images}" }
`, "list.txt", "a list\n")
	_, centre := beginWorker(t, "centre")
	_, one := beginWorker(t, "v1")
	_, two := beginWorker(t, "v2")
	c := run(t, "run", "-f", file)
	c.ended(t, 0, "5 changed, 0 unchanged, 0 failed", "art: ", `made["v1"]`)
	exists(t, filepath.Join(centre, "values/plan.yaml"), filepath.Join(centre, "values/list.txt"), filepath.Join(centre, "values/.bayplan/values/state.json"))
	for _, dir := range []string{one, two} {
		exists(t, filepath.Join(dir, "values/list.txt"))
		for _, pattern := range []string{"made/sha256:*", "hub.example.com/lists:1@sha256:*"} {
			if found, _ := filepath.Glob(filepath.Join(dir, "values", pattern)); len(found) != 1 {
				t.Errorf("%s: %v", pattern, found)
			}
		}
	}
	run(t, "run", "-f", file).ended(t, 0, "0 changed, 5 unchanged, 0 failed")

	events := run(t, "run", "-f", file, "--json", "--quiet")
	events.ended(t, 0)
	lines := strings.Split(strings.TrimSpace(events.stdout.String()), "\n")
	if !strings.Contains(lines[0], `"kind":"run-begin"`) || !strings.Contains(lines[len(lines)-1], `"kind":"run-end"`) || len(lines) != 12 {
		t.Errorf("got %d lines:\n%s", len(lines), events.stdout)
	}
}

// A site that fails stops what needs it and nothing else.
func TestFailureOfASite(t *testing.T) {
	file := planFile(t, "failure", `
vars: { sites: [f1, f2] }
steps:
  dir:
    type: mkdir
    for_each: ${vars.sites}
    site: ${each.key}
    with: { paths: [x/y] }
  after:
    type: mkdir
    for_each: ${steps.dir}
    site: ${each.key}
    needs: [dir]
    with: { paths: [z] }
`)
	_, one := beginWorker(t, "f1", "--connections", planFile(t, "x", "")) // a file that is not a file of connections
	_, two := beginWorker(t, "f2")
	_ = one
	c := run(t, "run", "-f", file)
	c.ended(t, 1, "2 changed, 0 unchanged, 1 failed, 1 skipped", `dir["f1"]: `)
	exists(t, filepath.Join(two, "failure/z"))
}

// The first wave fails, and with --max-failures 0 the next one does not begin.
func TestWaves(t *testing.T) {
	file := planFile(t, "waves", `
vars: { sites: [w1, w2, w3] }
steps:
  first: { type: mkdir, with: { paths: [first] } }
  dir:
    type: mkdir
    needs: [first]
    for_each: ${vars.sites}
    site: ${each.key}
    with: { paths: [x/y] }
`)
	beginWorker(t, "centre")
	for _, site := range []string{"w2", "w3"} {
		beginWorker(t, site)
	}
	bad, dir := beginWorker(t, "w1")
	bad.stop()
	write(t, filepath.Join(filepath.Dir(dir), "waves"), "")
	worker2 := begin(t, "worker", "--site", "w1", "--dir", filepath.Dir(dir)) // waves is a file there
	worker2.stderr.wait(t, "works for site w1")
	waves := []string{"run", "-f", file, "--wave", "w1", "--wave", "w*"}
	run(t, append(waves, "--max-failures", "0")...).ended(t, 1, "1 changed, 0 unchanged, 1 failed, 2 skipped", "wave 2 was not begun: 1 site has failed")
	run(t, append(waves, "--max-failures", "1")...).ended(t, 1, "2 changed, 1 unchanged, 1 failed")
	run(t, "run", "-f", file, "--wave", "w1").ended(t, 2, `the site "w2" of step dir["w2"] is in no wave`, "hint: add --wave '*'")
	run(t, "run", "-f", file, "--wave", "x*", "--wave", "*").ended(t, 2, `--wave "x*" matches no site`)
	run(t, "run", "-f", file, "--max-failures", "1").ended(t, 2, "it needs --wave")
}

const gated = `
steps:
  get: { type: fetch, site: %s, with: { url: %s/file, to: file } }
  after: { type: mkdir, site: %s, needs: [get], with: { paths: [after] } }
`

// A run that is open is joined if it is the same. One of another plan is refused, and cancel ends it.
func TestJoinAndCancel(t *testing.T) {
	g := newGate(t)
	body := strings.NewReplacer("%s/file", g.url+"/file", "%s", "j1").Replace(gated)
	file := planFile(t, "join", body)
	beginWorker(t, "j1")
	first := begin(t, "run", "-f", file)
	<-g.asked
	second := begin(t, "run", "-f", file)
	second.stderr.wait(t, "joined the run that is open since")
	run(t, "run", "-f", planFile(t, "join", strings.ReplaceAll(body, "[after]", "[other]"))).ended(t, 4, "a run of plan join is open since", "hint: wait until it has ended")
	run(t, "cancel", "-f", file).ended(t, 0, "is asked to end")
	first.ended(t, 5, "the run was cancelled", "0 changed, 0 unchanged, 0 failed, 1 skipped, 1 interrupted")
	second.ended(t, 5, "the run was cancelled")
	run(t, "cancel", "-f", file).ended(t, 1, "no run of plan join is open")
}

// A step whose worker stops is done when the worker is there again. The run goes on without run.
func TestWorkerRestarts(t *testing.T) {
	g := newGate(t)
	file := planFile(t, "restart", strings.NewReplacer("%s/file", g.url+"/file", "%s", "r1").Replace(gated))
	w, dir := beginWorker(t, "r1", "--runs")
	first := begin(t, "run", "-f", file)
	<-g.asked
	first.stop()
	first.ended(t, 1, "the run goes on")
	w.stop()
	close(g.open)
	again := begin(t, "worker", "--site", "r1", "--dir", dir)
	again.stderr.wait(t, "works for site")
	run(t, "run", "-f", file).ended(t, 0, "joined the run", "2 changed, 0 unchanged, 0 failed", "the worker stops")
	exists(t, filepath.Join(dir, "restart/file"), filepath.Join(dir, "restart/after"))
}

// A site without a worker is told and waited for, and given up when the patience ends.
func TestNoWorker(t *testing.T) {
	file := planFile(t, "nobody", `
steps:
  dir: { type: mkdir, site: n1, with: { paths: [x] } }
`)
	c := begin(t, "run", "-f", file)
	c.stderr.wait(t, "site n1: no worker asks for its steps; the run waits for one up to 168h0m0s")
	beginWorker(t, "n1")
	c.ended(t, 0, "1 changed")
	run(t, "run", "-f", planFile(t, "nobody", "steps:\n  dir: { type: mkdir, site: n2, with: { paths: [x] } }"), "--patience", "1s").ended(t, 1, "no worker of site n2 has taken it in 1s")
}

// Two workers of one site: in one folder the second one does not start, in another one it is told.
func TestTwoWorkers(t *testing.T) {
	_, dir := beginWorker(t, "t1")
	run(t, "worker", "--site", "t1", "--dir", dir).ended(t, 1, "a worker of site t1 already runs in "+dir, "hint: stop it")
	other, _ := beginWorker(t, "t1")
	other.stderr.wait(t, "another worker takes steps of site t1: t1 on ")
}

// Outputs that are too many for a task are asked for by the worker.
func TestLargeValues(t *testing.T) {
	file := planFile(t, "large", `
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    one: { host: one.example.com, embedded: { dir: one } }
    two: { host: two.example.com, embedded: { dir: two } }
    three: { host: three.example.com, embedded: { dir: three } }
steps:
  images: { type: mirror, with: { images: [registry.access.redhat.com/rhosp13/openstack-base:13.0-40], to: [one, two, three] } }
  made: { type: mkdir, site: l1, with: { paths: "${steps.images.images}" } }
`)
	beginWorker(t, "centre")
	_, dir := beginWorker(t, "l1")
	run(t, "run", "-f", file).ended(t, 0, "2 changed")
	if found, _ := filepath.Glob(filepath.Join(dir, "large/*.example.com/rhosp13/*")); len(found) < 3 {
		t.Errorf("found %v", found)
	}
}

// A worker waits for its server.
func TestNoServer(t *testing.T) {
	out := newBuffer()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		done <- newProgram(out, out, nil).execute(ctx, []string{"bayplan-temporal", "worker", "--site", "s1", "--dir", t.TempDir(), "--address", "127.0.0.1:1"})
	}()
	out.wait(t, "waits for the server: connect to the Temporal server at 127.0.0.1:1")
	cancel()
	if code := <-done; code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// The help fits into 80 columns.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"worker", "--help"}, {"version", "--help"}, {"man", "--help"}, {"run", "--help"}, {"cancel", "--help"}} {
		out := newBuffer()
		if code := newProgram(out, out, nil).execute(t.Context(), append([]string{"bayplan-temporal"}, args...)); code != 0 {
			t.Errorf("%v: exit code %d", args, code)
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			if len(line) > 80 {
				t.Errorf("%v: %d columns: %s", args, len(line), line)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	good := planFile(t, "good", "steps: { dir: { type: mkdir, with: { paths: [x] } } }")
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no command":    {nil, 2, "a command is missing"},
		"no such":       {[]string{"wrker"}, 2, `there is no command "wrker"; did you mean worker?`},
		"no site":       {[]string{"worker"}, 2, "worker needs --site NAME"},
		"a wrong site":  {[]string{"worker", "--site", "a/b"}, 2, "letters, digits"},
		"an argument":   {[]string{"run", good}, 2, "unexpected argument"},
		"a wrong value": {[]string{"run", "-f", good, "--var", "x"}, 2, "is not NAME=VALUE"},
		"a wrong flag":  {[]string{"run", "--wav"}, 2, "unknown flag --wav; did you mean --wave?"},
		"no plan":       {[]string{"run", "-f", good + "x"}, 2, "no such file"},
		"a mistake":     {[]string{"run", "-f", planFile(t, "bad", "steps: { dir: { type: mkdr } }")}, 2, "there is no step type"},
		"twice":         {[]string{"run", "-f", good, "--file", good}, 2, "is given twice"},
		"half a login":  {[]string{"run", "-f", good, "--tls-cert", good}, 2, "belong together"},
		"no API key":    {[]string{"run", "-f", good, "--api-key-file", good + "x"}, 1, "read the API key: open "},
		"no authority":  {[]string{"run", "-f", good, "--tls-ca", good}, 1, "has no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, tt.args...).ended(t, tt.code, tt.want)
		})
	}
}
