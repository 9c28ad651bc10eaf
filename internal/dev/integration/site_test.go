//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A site is a plan in a directory of its own. Most sites are copies of the quick
// start with other connections than the embedded ones.
type site struct {
	dir         string
	upstream    string // the connections, as YAML; "": those of the plan
	local       string
	undercloud  string
	environment []string
}

// The hosts in the plan of the quick start.
const (
	upstreamHost = "registry.access.redhat.com"
	localHost    = "192.0.2.1:8787"
)

// newSite copies the quick start. It keeps the connections of the plan; the
// caller may change them.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{
		dir:        t.TempDir(),
		upstream:   fmt.Sprintf("{ host: %s, embedded: { images: rhosp13 } }", upstreamHost),
		local:      fmt.Sprintf("{ host: %q, tls: disabled, embedded: { dir: world/registry } }", localHost),
		undercloud: "{ embedded: { dir: world/glance } }",
	}
	// Leave out what a run of the quick start in the checkout has made.
	if err := os.CopyFS(s.dir, filteredFS{os.DirFS("../../../examples/quickstart"), "world", ".bayplan"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// newPlan makes a site from a plan with its own connections.
func newPlan(t *testing.T, text string) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.write(t, "bayplan.yaml", text)
	return s
}

// write writes one of the site's files.
func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// remove removes one of the site's files.
func (s *site) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(s.path(name)); err != nil {
		t.Fatal(err)
	}
}

// connectionTo returns the connection of host with the address of a server. more
// adds settings.
func connectionTo(host, server, more string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{ host: %q, address: %q, tls: disabled%s }", host, u.Host, more)
}

// useCloud replaces the plan's cloud by c.
func (s *site) useCloud(c cloud) {
	s.undercloud = "{ cloud: bayplan }"
	s.environment = append(s.environment, "OS_CLIENT_CONFIG_FILE="+c.file)
}

// A result is the exit code and the output of a run of bayplan.
type result struct {
	code           int // -1: killed
	stdout, stderr string
}

// command makes a bayplan command with the site's plan and connections.
func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = append(args, "-f", s.path("bayplan.yaml"))
	if s.upstream != "" {
		args = append(args, "--connections", s.connections(t))
	}
	cmd := exec.CommandContext(t.Context(), "bayplan", args...)
	cmd.Env = append(os.Environ(), s.environment...)
	cmd.Dir = t.TempDir() // only -f leads to the plan
	return cmd
}

// connections writes the site's connections file and returns its name.
func (s *site) connections(t *testing.T) string {
	t.Helper()
	file := s.path("connections.yaml")
	text := fmt.Sprintf("secrets:\n  token: { env: REGISTRY_TOKEN }\nconnections:\n  registries:\n    upstream: %s\n    local: %s\n  clouds:\n    undercloud: %s\n",
		s.upstream, s.local, s.undercloud)
	if old, err := os.ReadFile(file); err == nil && string(old) == text {
		return file
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// bayplan runs bayplan to its end.
func (s *site) bayplan(t *testing.T, args ...string) result {
	t.Helper()
	cmd := s.command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// mustRun runs bayplan and fails the test unless it ends with the given code and
// prints all given texts.
func (s *site) mustRun(t *testing.T, code int, args []string, says ...string) result {
	t.Helper()
	r := s.bayplan(t, args...)
	if r.code != code {
		t.Fatalf("bayplan %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	for _, want := range says {
		if !strings.Contains(r.stdout+r.stderr, want) {
			t.Errorf("bayplan %s does not say %q:\n%s%s", strings.Join(args, " "), want, r.stdout, r.stderr)
		}
	}
	return r
}

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// home returns a path in the home directory of the site's user.
func (s *site) home(parts ...string) string {
	return s.path(append([]string{"world", "home", "stack"}, parts...)...)
}

// files lists the site's files and directories with their sizes and times.
func (s *site) files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, fmt.Sprintf("%s %s %d %s", path, info.Mode(), info.Size(), info.ModTime()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// filteredFS is a file system without two entries of its root.
type filteredFS struct {
	fs.FS
	a, b string
}

func (l filteredFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	if name != "." || err != nil {
		return entries, err
	}
	var kept []fs.DirEntry
	for _, e := range entries {
		if e.Name() != l.a && e.Name() != l.b {
			kept = append(kept, e)
		}
	}
	return kept, nil
}
