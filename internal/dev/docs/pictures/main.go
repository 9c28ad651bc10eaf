// Command pictures makes the pictures of README.md again, from what bayplan really prints: a
// run of the quick start on a terminal as SVG, and the page of that run as PNG. It needs
// script (of util-linux) and chromium, and writes into docs/images:
//
//	go run ./internal/dev/docs/pictures
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bayplan-pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	images, err := filepath.Abs(filepath.Join("docs", "images"))
	if err != nil {
		return err
	}
	bayplan := filepath.Join(dir, "bayplan")
	if err := call(ctx, ".", "go", "build", "-trimpath", "-o", bayplan, "./cmd/bayplan"); err != nil {
		return err
	}
	site := filepath.Join(dir, "quickstart")
	if err := slowQuickstart(site); err != nil {
		return err
	}
	written, err := onTerminal(ctx, site, bayplan+" apply")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(images, "run.svg"), []byte(drawRun("bayplan apply", written)), 0o644); err != nil {
		return err
	}
	if err := call(ctx, site, bayplan, "report", "-o", "report.html"); err != nil {
		return err
	}
	return call(ctx, site, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "chromium"),
		"--window-size=1100,940", "--screenshot="+filepath.Join(images, "report.png"), "file://"+filepath.Join(site, "report.html"))
}

// slowQuickstart copies the quick start and puts its source behind a slow line, so that there
// is something to see.
func slowQuickstart(to string) error {
	if err := os.CopyFS(to, os.DirFS(filepath.Join("examples", "quickstart"))); err != nil {
		return err
	}
	for _, left := range []string{"world", ".bayplan"} {
		if err := os.RemoveAll(filepath.Join(to, left)); err != nil {
			return err
		}
	}
	file := filepath.Join(to, "bayplan.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	slow := strings.Replace(string(text), "embedded: { images: rhosp13 }", "embedded: { images: rhosp13 }, bandwidth: 150KiB", 1)
	return os.WriteFile(file, []byte(slow), 0o600)
}

// onTerminal runs a command on a terminal and returns all that it writes there.
func onTerminal(ctx context.Context, dir, command string) ([]byte, error) {
	log := filepath.Join(dir, "..", "log")
	line := fmt.Sprintf("stty cols %d rows %d; %s", columns, rows, command)
	cmd := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command", line, "--log-out", log)
	cmd.Dir = dir
	cmd.Env = []string{"TERM=xterm-256color", "LC_ALL=C.UTF-8", "SHELL=/bin/sh", "PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return nil, err
	}
	_, after, _ := strings.Cut(string(text), "\n") // what script says before and after
	before, _, _ := strings.Cut(after, "\nScript done on ")
	return []byte(before), nil
}

func call(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
