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

// build builds the binaries of a program for this machine and for all its platforms, and returns
// the latter.
func (r *release) build(ctx context.Context, of program) ([]built, error) {
	platforms := of.platforms(r.platforms)
	wanted := platforms
	if !slices.Contains(wanted, thisMachine) {
		wanted = append([]platform{thisMachine}, wanted...)
	}
	for _, p := range wanted {
		if err := r.goBuild(ctx, of, p); err != nil {
			return nil, fmt.Errorf("build %s for %s: %w", of.name, p, err)
		}
	}
	var all []built
	for _, p := range platforms {
		b := built{program: of, platform: p, path: r.binary(of, p)}
		var err error
		if b.binary, err = os.ReadFile(b.path); err != nil {
			return nil, err
		}
		if b.licences, err = r.findLicences(ctx, b); err != nil {
			return nil, fmt.Errorf("licences of %s for %s: %w", of.name, p, err)
		}
		all = append(all, b)
	}
	return all, nil
}

// binary returns the path of the binary of a program for a platform.
func (r *release) binary(of program, p platform) string {
	return filepath.Join(r.dir, "bin", p.String(), of.name)
}

func (r *release) goBuild(ctx context.Context, of program, p platform) error {
	flags := "-s -w -buildid= -X main.release=" + r.commit.describe
	cmd := r.goCommand(ctx, of, p, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", r.binary(of, p), of.main)
	cmd.Stdout = os.Stderr
	return cmd.Run()
}

// goCommand runs the go command in the module of a program for a platform, with settings that
// depend neither on the user nor on the machine.
func (r *release) goCommand(ctx context.Context, of program, p platform, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = filepath.Join(r.source, of.module), os.Stderr
	cmd.Env = append(os.Environ(),
		"GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off", "GODEBUG=")
	return cmd
}

// runProgram runs the binary of a program for this machine.
func (r *release) runProgram(ctx context.Context, of program, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.binary(of, thisMachine), args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.commit.time.Unix()))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", of.name, strings.Join(args, " "), err)
	}
	return out, nil
}
