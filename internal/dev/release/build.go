package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// build builds the binaries for all platforms.
func (r *release) build(ctx context.Context) ([]built, error) {
	var all []built
	for _, p := range r.platforms {
		b := built{platform: p, path: filepath.Join(r.dir, "bin", p.String(), "bayplan")}
		if err := r.goBuild(ctx, b); err != nil {
			return nil, fmt.Errorf("build for %s: %w", p, err)
		}
		var err error
		if b.binary, err = os.ReadFile(b.path); err != nil {
			return nil, err
		}
		if b.licences, err = r.findLicences(ctx, b); err != nil {
			return nil, fmt.Errorf("licences for %s: %w", p, err)
		}
		all = append(all, b)
	}
	return all, nil
}

func (r *release) goBuild(ctx context.Context, b built) error {
	flags := "-s -w -buildid= -X main.release=" + r.commit.describe
	cmd := r.goCommand(ctx, b.platform, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", b.path, "./cmd/bayplan")
	cmd.Stdout = os.Stderr
	return cmd.Run()
}

// goCommand runs the go command for a platform, with settings that depend neither on the
// user nor on the machine.
func (r *release) goCommand(ctx context.Context, p platform, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = r.source, os.Stderr
	cmd.Env = append(os.Environ(),
		"GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off", "GODEBUG=")
	return cmd
}

// bayplan runs the binary for this machine.
func (r *release) bayplan(ctx context.Context, args ...string) ([]byte, error) {
	own := filepath.Join(r.dir, "bin", platform{runtime.GOOS, runtime.GOARCH}.String(), "bayplan")
	cmd := exec.CommandContext(ctx, own, args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.commit.time.Unix()))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("bayplan %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
