package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/logins"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// onlyError drops a result.
func onlyError[T any](_ T, err error) error { return err }

// withHint gives the mistakes of a plan with the hint of the first.
func withHint(errs plan.Errors) error {
	if len(errs) == 0 {
		return nil
	}
	return fault.WithHint(errs, errs[0].Hint)
}

// A text file that people write may begin with a byte order mark and have the line ends of
// Windows. UTF-16 and named pipes are refused by their names, whichever file it is.
func TestTextFiles(t *testing.T) {
	const planText = "apiVersion: bayplan/v1\nname: p\nsecrets: { s: { env: S } }\nvars: { v: x }\nsteps: { d: { type: mkdir, with: { paths: [\"${vars.v}\"] } } }\n"
	digest := "sha256:" + strings.Repeat("0", 64)
	disk := &runner.Disk{}
	readPlan := func(t *testing.T, o plan.Options) error {
		file := filepath.Join(t.TempDir(), "p.yaml")
		if err := os.WriteFile(file, []byte(planText), 0o600); err != nil {
			t.Fatal(err)
		}
		_, errs := plan.Load(t.Context(), file, o)
		return withHint(errs)
	}
	for _, tc := range []struct {
		name, text string
		read       func(t *testing.T, file string) error
	}{
		{"plan", planText, func(t *testing.T, file string) error {
			_, errs := plan.Load(t.Context(), file, plan.Options{})
			return withHint(errs)
		}},
		{"var file", "v: y\n", func(t *testing.T, file string) error { return readPlan(t, plan.Options{VarFiles: []string{file}}) }},
		{"connections file", "connections: {}\n", func(t *testing.T, file string) error { return readPlan(t, plan.Options{Connections: file}) }},
		{"lock file", "images:\n  h/a:1: " + digest + "\n", func(_ *testing.T, file string) error { return onlyError(lockfile.Read(file)) }},
		{"clouds.yaml", "clouds:\n  c: {auth: {auth_url: 'http://cloud.test:5000', username: u, password: p}}\n", func(t *testing.T, file string) error {
			return onlyError(cloudsyaml.Find(t.Context(), cloudsyaml.Request{Cloud: "c", File: file}))
		}},
		{"auth.json", `{"auths": {"h": {"auth": "YTpi"}}}` + "\n", func(t *testing.T, file string) error {
			f := logins.Finder{Files: []string{file}}
			return onlyError(f.Find(t.Context(), hostname.Registry{Host: "h"}, "a"))
		}},
		{"users", "u:$2y$05$abcdefghijklmnopqrstuuZ5Yz7Z5Yz7Z5Yz7Z5Yz7Z5Yz7Z5Yz7Z\n", func(_ *testing.T, file string) error { return onlyError(registryserver.ReadUsers(file)) }},
		{"list of images", "h/a:1\nh/b:1\n", func(_ *testing.T, file string) error { return onlyError(tripleo.ReadImages(disk.Open, file)) }},
		{"list of images in YAML", "container_images:\n- imagename: h/a:1\n", func(_ *testing.T, file string) error {
			return onlyError(tripleo.ReadImages(disk.Open, file))
		}},
		{"checksums", strings.Repeat("0", 64) + "  a\n", func(_ *testing.T, file string) error {
			r, err := disk.Open(file)
			if err != nil {
				return err
			}
			defer r.Close()
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			return onlyError(download.ParseChecksums(text, "a", false))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			wide := []byte{0xff, 0xfe}
			for _, unit := range utf16.Encode([]rune(tc.text)) {
				wide = append(wide, byte(unit), byte(unit>>8))
			}
			for name, raw := range map[string]string{
				"plain": tc.text, "marked": "\ufeff" + tc.text, "windows": "\ufeff" + strings.ReplaceAll(tc.text, "\n", "\r\n"), "wide": string(wide),
			} {
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
					t.Fatal(err)
				}
				err := tc.read(t, file)
				if name == "wide" {
					if err == nil || !strings.Contains(err.Error(), "this is UTF-16 text") || !strings.Contains(fault.Hint(err)+err.Error(), "save it as UTF-8") {
						t.Errorf("%s: got error %v", name, err)
					}
				} else if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := tc.read(t, pipe); err == nil || !strings.Contains(err.Error(), "is a named pipe, not a regular file") {
				t.Errorf("pipe: got error %v", err)
			}
		})
	}
}
