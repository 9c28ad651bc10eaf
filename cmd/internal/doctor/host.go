package doctor

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// host looks at this host itself.
func (d *doctor) host(ctx context.Context) []Finding {
	found := []Finding{ok("version", "bayplan %s, %s %s/%s", d.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH), gitVersion(ctx)}
	return append(found, d.proxies()...)
}

// gitVersion says which git there is.
func gitVersion(ctx context.Context) Finding {
	cmd := exec.CommandContext(ctx, "git", "--version")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // others hold secrets
	out, err := cmd.Output()
	if err != nil {
		return warn("version", "install git: diff --base git:REV reads an earlier plan with it", "git is not found")
	}
	return ok("version", "%s", strings.TrimSpace(string(out)))
}
