package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestVersions(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for describe, want := range map[string]struct{ file, pkg string }{
		"v1.2.3":                       {"1.2.3", "1.2.3"},
		"v1.2.3-dirty":                 {"1.2.3-dirty", "1.2.3+dirty"},
		"v1.2.3-5-gab12cd3":            {"1.2.3-5-gab12cd3", "1.2.3+5.gab12cd3"},
		"v1.2.3-rc.1":                  {"1.2.3-rc.1", "1.2.3~rc.1"},
		"v1.2.3-rc-1":                  {"1.2.3-rc-1", "1.2.3~rc.1"},
		"v1.2.3-rc.1-5-gab12cd3-dirty": {"1.2.3-rc.1-5-gab12cd3-dirty", "1.2.3~rc.1+5.gab12cd3+dirty"},
		"v1.2.3+site.2":                {"1.2.3_site.2", "1.2.3+site.2"},
		"ab12cd3":                      {"ab12cd3", "0~20261130120000.ab12cd3"},
		"ab12cd3-dirty":                {"ab12cd3-dirty", "0~20261130120000.ab12cd3.dirty"},
		"vanity-3-gab12cd3":            {"vanity-3-gab12cd3", "0~20261130120000.vanity.3.gab12cd3"},
	} {
		c := commit{describe: describe, time: at}
		if got := c.fileVersion(); got != want.file {
			t.Errorf("%s: files of version %s, want %s", describe, got, want.file)
		}
		if got := c.packageVersion(); got != want.pkg {
			t.Errorf("%s: packages of version %s, want %s", describe, got, want.pkg)
		}
	}
}

// dpkg orders the versions as they follow each other.
func TestVersionOrder(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var before string
	for i, describe := range []string{"ab12cd3", "0b12cd4", "v0.1.0-rc.1", "v0.1.0-rc.1-2-gab12cd3", "v0.1.0", "v0.1.0-3-g0b12cd3", "v0.1.0-12-gab12cd3", "v0.1.1"} {
		version := commit{describe: describe, time: at.Add(time.Duration(i) * time.Second)}.packageVersion()
		if before != "" {
			if out, err := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", before, "lt", version).CombinedOutput(); err != nil {
				t.Errorf("%s does not come before %s: %v %s", before, version, err, out)
			}
		}
		before = version
	}
}

// newRepository makes a repository with one commit.
func newRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q"},
		{"-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "--date=@1700000000", "-m", "x"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		cmd.Env = append(cmd.Environ(), "GIT_COMMITTER_DATE=@1700000001 +0900")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return dir
}

func TestReadCommit(t *testing.T) {
	dir := newRepository(t)
	c, err := readCommit(t.Context(), dir, "")
	if err != nil || c.time.Unix() != 1700000001 || c.time.Location() != time.UTC {
		t.Errorf("%v, %v", c, err)
	}
	if len(c.id) != 40 || !strings.HasPrefix(c.id, c.describe) {
		t.Errorf("without a tag it is called %q, its id is %q", c.describe, c.id)
	}
	if _, err := git(t.Context(), dir, "tag", "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	if c, err := readCommit(t.Context(), dir, ""); err != nil || c.describe != "v1.2.3" {
		t.Errorf("with a tag it is called %q, %v", c.describe, err)
	}
	if c, err := readCommit(t.Context(), dir, "v9"); err != nil || c.describe != "v9" {
		t.Errorf("given a version it is called %q, %v", c.describe, err)
	}
	if _, err := readCommit(context.Background(), filepath.Join(dir, "none"), ""); err == nil || !strings.Contains(err.Error(), "git log") {
		t.Errorf("where there is no repository: %v", err)
	}
}
