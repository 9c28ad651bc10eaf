package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// thisMachine is the platform whose binary writes the manual and the completion.
var thisMachine = platform{runtime.GOOS, runtime.GOARCH}

// build builds the binaries for this machine and for all platforms, and returns the latter.
func (r *release) build(ctx context.Context) ([]built, error) {
	wanted := r.platforms
	if !slices.Contains(wanted, thisMachine) {
		wanted = append([]platform{thisMachine}, wanted...)
	}
	for _, p := range wanted {
		if err := r.goBuild(ctx, p); err != nil {
			return nil, fmt.Errorf("build for %s: %w", p, err)
		}
	}
	var all []built
	for _, p := range r.platforms {
		b := built{platform: p, path: r.binary(p)}
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

// binary returns the path of the binary for a platform.
func (r *release) binary(p platform) string {
	return filepath.Join(r.dir, "bin", p.String(), "bayplan")
}

func (r *release) goBuild(ctx context.Context, p platform) error {
	flags := "-s -w -buildid= -X main.release=" + r.commit.describe
	cmd := r.goCommand(ctx, p, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", r.binary(p), "./cmd/bayplan")
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
	cmd := exec.CommandContext(ctx, r.binary(thisMachine), args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.commit.time.Unix()))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("bayplan %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
