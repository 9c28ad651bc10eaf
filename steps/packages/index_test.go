package packages

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// An index that is too large is an error that names the limit, and is not cut.
func TestRepositoryIndexTooLarge(t *testing.T) {
	dir := t.TempDir()
	steptest.MakeDir(t, dir+"/repodata", 0o755)
	for name, size := range map[string]int{"just above": maxRepoIndex + 1, "far above": 2 * maxRepoIndex} {
		steptest.PutFile(t, dir+"/repodata/repomd.xml", "<repomd/>"+strings.Repeat(" ", size-9))
		p := &packageFiles{Repository: "file://" + dir, Name: "a", Into: plan.Path(dir), out: testbed.WithHosts(t)}
		_, err := p.newest(t.Context(), &runner.Disk{})
		if err == nil || !strings.Contains(err.Error(), "repomd.xml is larger than 4.0 MiB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	steptest.PutFile(t, dir+"/repodata/repomd.xml", "<repomd/>"+strings.Repeat(" ", maxRepoIndex-9))
	p := &packageFiles{Repository: "file://" + dir, Name: "a", Into: plan.Path(dir), out: testbed.WithHosts(t)}
	if _, err := p.newest(t.Context(), &runner.Disk{}); err == nil || strings.Contains(err.Error(), "larger") {
		t.Errorf("as large as the limit: got %v", err)
	}
}
