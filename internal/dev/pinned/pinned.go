// Package pinned builds programs of other projects from source, each at one
// version. Tests and benchmarks of bayplan use them. The package does not know
// what for.
package pinned

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// The programs, as arguments of go install. Benchmarks and tests use the same
// versions.
const (
	Conformance  = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
	Crane        = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"
	Distribution = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"
	Oras         = "oras.land/oras/cmd/oras@v1.3.6"
	Regctl       = "github.com/regclient/regclient/cmd/regctl@v0.11.7"
	Regsync      = "github.com/regclient/regclient/cmd/regsync@v0.11.7"
	Toxiproxy    = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
)

// Build builds a program, PACKAGE@VERSION, and returns its file name. It keeps
// the program in dir and builds it only once.
func Build(ctx context.Context, dir, program string) (string, error) {
	pkg, version, ok := strings.Cut(program, "@")
	if !ok {
		return "", fmt.Errorf("build %s: it has no version", program)
	}
	name := path.Base(pkg)
	home := filepath.Join(dir, name+"-"+version)
	file := filepath.Join(home, name)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Rename it only when it is complete: another process may build it, too.
	part, err := os.MkdirTemp(dir, "part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := install(ctx, part, program); err != nil {
		return "", err
	}
	if err := os.Rename(part, home); err != nil {
		if _, there := os.Stat(file); there != nil {
			return "", err
		}
	}
	return file, nil
}

// maxTries is how often a build is tried. A build may download a hundred modules;
// another try does not download again what has arrived.
const maxTries = 3

func install(ctx context.Context, dir, program string) error {
	for try := 1; ; try++ {
		cmd := exec.CommandContext(ctx, "go", "install", program)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if try == maxTries || ctx.Err() != nil {
			return fmt.Errorf("build %s: %w\n%s", program, err, out)
		}
	}
}
