package loader

import (
	"os"
	"time"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// RunInfo says what an apply of a plan is that begins now, with a lock file, "" for none.
func RunInfo(g *runner.Graph, version, lock string) history.Info {
	return history.Info{
		Plan: g.Plan.Name, Mode: runner.ModeApply, Began: time.Now(), Command: runner.CommandLine(), Version: version,
		Steps: history.StepsOf(g), Texts: g.Plan.Texts(), Lock: LockDigest(lock),
	}
}

// LockDigest returns the digest of a lock file, "" if there is none.
func LockDigest(file string) string {
	if file == "" {
		return ""
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return checksum.SHA256(b)
}
