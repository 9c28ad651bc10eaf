package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/reference"
	"github.com/bayplan/bayplan/schemas"
)

var update = flag.Bool("update", false, "write the pages of the reference")

// referenceDir holds the pages of the reference.
var referenceDir = filepath.Join("..", "..", "docs", "reference")

// The pages under docs/reference say what the code says.
func TestReferenceIsUpToDate(t *testing.T) {
	want, err := reference.Pages(reference.Input{App: newProgram(io.Discard, io.Discard).app(), About: about, Examples: documentExamples(t)})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		sites, err := os.ReadFile(filepath.Join(referenceDir, reference.SitesPage)) // bayplan-temporal makes it
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(referenceDir); err != nil {
			t.Fatal(err)
		}
		want[reference.SitesPage] = string(sites)
	}
	for path, text := range want {
		file := filepath.Join(referenceDir, filepath.FromSlash(path))
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if diff := cmp.Diff(string(got), text); err != nil || diff != "" {
			t.Errorf("docs/reference/%s is not up to date (%v); run `make generate` (-page +code):\n%s", path, err, diff)
		}
	}
	err = filepath.WalkDir(referenceDir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(referenceDir, file)
		if _, known := want[filepath.ToSlash(rel)]; !known && rel != reference.SitesPage {
			t.Errorf("docs/reference/%s is made of nothing", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The plan of the examples of documents. It names no path of this machine, so that its
// digests are the same everywhere.
const documentPlan = `apiVersion: bayplan/v1
name: site
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    local: { host: "registry.example.com:5000", embedded: { dir: registry } }
steps:
  images:
    type: mirror
    with:
      to: local
      images:
        - from: registry.access.redhat.com/rhosp13/openstack-nova-api
          tags: { newest: 1 }
  catalog:
    type: verify-catalog
    with: { registry: local, expect: "${steps.images.images}" }
`

// A plan with a mistake.
const mistakenPlan = `apiVersion: bayplan/v1
name: wrong
steps:
  dirs:
    type: mkdir
    with: { path: [images] }
`

// changing are the parts of output that are others in each run, with what stands for them.
var changing = [...]struct{ pattern, by string }{
	{`"20\d\d-\d\d-\d\dT[\d:.]+Z"`, `"2026-01-02T15:04:05.678Z"`},
	{`"20\d{6}T\d{6}\.\d{3}Z"`, `"20260102T150405.678Z"`},
	{`"(took|wait)": ?[\d.e-]+`, `"$1": 0.25`},
	{`"age_seconds": ?[\d.]+`, `"age_seconds": 3600`},
	{`"ahead_seconds": ?-?[\d.]+`, `"ahead_seconds": 0`},
	{`"state_id": ?"[^"]*"`, `"state_id": "UQAH2VVK3OWNW2ZZ4GBIV2B7QG"`},
	{`in \d+\.\ds"`, `in 0.3s"`},
	{`"user": ?"[^"]*"`, `"user": "stack"`},
	{`"host": ?"[^"]*"`, `"host": "director"`},
	{`"version": ?"[^"]*"`, `"version": "v1.0.0"`},
	{`"go": ?"[^"]*"`, `"go": "go1.26.8"`},
	{`"os": ?"[^"]*"`, `"os": "linux"`},
	{`"arch": ?"[^"]*"`, `"arch": "amd64"`},
	{`"bayplan \S+, go\S+ \S+"`, `"bayplan v1.0.0, go1.26.8 linux/amd64"`},
	{`"git version [^"]*"`, `"git version 2.39.5"`},
	{`"[\d.]+ [A-Z]iB free`, `"35.0 GiB free`},
	{`"\d+ files can be made`, `"1234567 files can be made`},
}

// documentExamples runs commands and returns what they print, by the names of the documents.
func documentExamples(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"bayplan.yaml": documentPlan, "wrong.yaml": mistakenPlan} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	examples := map[string]string{}
	for _, line := range []string{
		"validate bayplan.yaml wrong.yaml", "diff", "lock", "events: apply", "status", "why images", "graph", "explain-images",
		"history", "report", "doctor", "version", "explain mkdir",
	} {
		name, args, ok := strings.Cut(line, ": ")
		if !ok {
			args = line
			name, _, _ = strings.Cut(line, " ")
		}
		examples[name] = exampleOf(t, dir, name, strings.Fields(args))
	}
	examples["site-report"] = siteReportExample(t, dir)
	examples["sites"] = exampleOf(t, dir, "sites", strings.Fields("status -f bayplan.yaml --reports-from oci://registry.example.com:5000/bayplan/reports"))
	var names []string
	for name := range examples {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := slices.DeleteFunc(schemas.Names(), func(s string) bool { return s == "plan" }); !slices.Equal(names, want) {
		t.Errorf("there are examples of the documents %q, want %q", names, want)
	}
	return examples
}

// siteReportExample sends the report of a verify to a registry of the plan, and returns it as
// it is there.
func siteReportExample(t *testing.T, dir string) string {
	t.Helper()
	if out, err := command(t, dir, strings.Fields("verify --quiet --report-to oci://registry.example.com:5000/bayplan/reports:edge1")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	blobs, err := filepath.Glob(filepath.Join(dir, "registry", "bayplan", "reports", "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range blobs {
		text, err := os.ReadFile(blob)
		var pretty bytes.Buffer
		if err != nil || !strings.Contains(string(text), `"document":"site-report"`) || json.Indent(&pretty, text, "", "  ") != nil {
			continue
		}
		if err := matchesSchema("site-report", text); err != nil {
			t.Error(err)
		}
		return asExample("site-report", pretty.String()+"\n", dir)
	}
	t.Fatalf("the registry has no report: %q", blobs)
	return ""
}

// exampleOf returns what a command prints with --json. It is the document with a name.
func exampleOf(t *testing.T, dir, name string, args []string) string {
	t.Helper()
	cmd := command(t, dir, append(args, "--json")...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil && name != "validate" {
		t.Fatalf("bayplan %s: %v\n%s", args, err, &errs)
	}
	if err := matchesSchema(name, out); err != nil {
		t.Error(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return asExample(name, strings.ReplaceAll(string(out), real, dir), dir)
}

// asExample replaces what is other in each run.
func asExample(name, text, dir string) string {
	text = strings.ReplaceAll(text, dir, "/srv/site")
	for _, c := range changing {
		text = regexp.MustCompile(c.pattern).ReplaceAllString(text, c.by)
	}
	if name == "events" {
		text = withoutProgress(text)
	}
	return text
}

// withoutProgress leaves out the events of bytes that are moved: how many there are is a
// matter of time.
func withoutProgress(events string) string {
	var out strings.Builder
	for line := range strings.Lines(events) {
		if !strings.Contains(line, `"kind":"progress"`) {
			out.WriteString(line)
		}
	}
	return out.String()
}
