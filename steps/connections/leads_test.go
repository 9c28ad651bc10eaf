package connections

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/plan"
)

// Each file that decides where a connection leads, or as whom, and each variable of the
// environment changes what LeadTo returns. Nothing that is secret stands in it.
func TestLeadTo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLOUD_NAME"} {
		t.Setenv(name, "")
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(url, user string) string {
		return "clouds: {c: {auth: {auth_url: '" + url + "', username: " + user + ", password: hunter2, project_name: p}, cacert: '" + filepath.Join(dir, "cloud.pem") + "'}}\n"
	}
	write("clouds.yaml", entry("https://one.example/v3", "u"))
	write("ca.pem", "x")
	write("cloud.pem", "x")
	var c namedCloud
	c.name, c.Cloud, c.CloudsFile = "site", "c", plan.Path(filepath.Join(dir, "clouds.yaml"))
	s := &Set{clouds: []namedCloud{c}}
	var r namedRegistry
	r.name, r.CA = "r", plan.Path(filepath.Join(dir, "ca.pem"))
	s.registries = append(s.registries, r)
	look := func() map[string]string {
		return s.LeadTo(t.Context(), func(text string) string { return "sealed " + text[len(text)-8:] })
	}
	before := look()
	for name, want := range map[string]string{
		"connections.clouds.site.auth_url": "https://one.example/v3", "connections.clouds.site.user": "u", "connections.clouds.site.project": "p",
		"connections.registries.r.ca": checksum.SHA256([]byte("x")), "connections.clouds.site.cacert": checksum.SHA256([]byte("x")),
	} {
		if before[name] != want {
			t.Errorf("%s: %q, want %q", name, before[name], want)
		}
	}
	changes := func() []string {
		now, all := look(), []string{}
		for name := range now {
			if before[name] != now[name] {
				all = append(all, name)
			}
		}
		slices.Sort(all)
		before = now
		return all
	}
	const of = "connections.clouds.site."
	for _, tt := range []struct {
		file, text string
		want       []string
	}{
		{"clouds.yaml", entry("https://two.example/v3", "u"), []string{of + "auth_url", of + "clouds.yaml", of + "clouds_file"}},
		{"clouds.yaml", entry("https://two.example/v3", "v"), []string{of + "clouds.yaml", of + "clouds_file", of + "user"}},
		{"secure.yaml", "clouds: {c: {auth: {auth_url: 'https://three.example/v3'}}}\n", []string{of + "auth_url", of + "secure.yaml"}},
		{"secure.yaml", "clouds: {c: {auth: {auth_url: 'https://three.example/v3', password: other}}}\n", []string{of + "secure.yaml"}},
		{"ca.pem", "y", []string{"connections.registries.r.ca"}},
		{"cloud.pem", "y", []string{of + "cacert"}},
	} {
		write(tt.file, tt.text)
		if got := changes(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.file, got, tt.want)
		}
	}
	for name, value := range before {
		if value == "hunter2" || value == "other" {
			t.Errorf("%s is secret", name)
		}
	}
	var want []File
	for _, name := range []string{"cloud.pem", "clouds.yaml", "secure.yaml"} {
		want = append(want, File{"connections.clouds.site", filepath.Join(dir, name)})
	}
	if got := s.CloudFiles(t.Context()); !slices.Equal(got, want) {
		t.Errorf("files: %q", got)
	}
	// What cannot be read is no error: the step that needs the cloud may not run.
	if err := os.Remove(filepath.Join(dir, "clouds.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := look(); got["connections.clouds.site"] != unread || got[of+"clouds_file"] != unread {
		t.Errorf("without clouds.yaml: %q", got)
	}
}
