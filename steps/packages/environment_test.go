package packages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dnf and rpm, and so the scripts of packages, see where files are and how servers are
// reached, and no variable of anybody's secrets.
func TestToolsSeeNoSecrets(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "dnf"), []byte("#!/bin/sh\n/usr/bin/env\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	set := map[string]string{
		"PATH": bin, "HOME": "/h", "https_proxy": "http://u:p@proxy.test", "NO_PROXY": "a.test", "SSL_CERT_FILE": "/ca", "LC_ALL": "de_DE",
		"OS_PASSWORD": "x", "REGISTRY_TOKEN": "x", "BAYPLAN_VAR_password": "x", "AWS_SECRET_ACCESS_KEY": "x", "DOCKER_AUTH_CONFIG": "x", "LD_PRELOAD": "",
	}
	for name, value := range set {
		t.Setenv(name, value)
	}
	out, err := runTool(t.Context(), "dnf", "install", "a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if _, ours := set[name]; ours {
			got = append(got, name+"="+value)
		}
	}
	slices.Sort(got)
	want := []string{"HOME=/h", "LC_ALL=C", "NO_PROXY=a.test", "PATH=" + bin, "SSL_CERT_FILE=/ca", "https_proxy=http://u:p@proxy.test"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}
