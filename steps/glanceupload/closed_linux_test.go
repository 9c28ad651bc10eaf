package glanceupload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// That the directory may not be written into is told by diff; who only looks
// learns what is missing.
func TestGlanceUploadIntoAClosedDirectory(t *testing.T) {
	for _, tc := range []struct {
		name   string
		closed func(b *glanceBench) string
	}{
		{"one that is there", func(b *glanceBench) string { return b.dir + "/ironic/images" }},
		{"one in which it is to be made", func(b *glanceBench) string { return b.dir + "/ironic" }},
		{"one further up", func(b *glanceBench) string { return b.dir + "/closed" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := directoryBench(t)
			b.HTTPBoot = ""
			closed := tc.closed(b)
			if strings.HasSuffix(closed, "closed") {
				b.To.Directory = plan.Path(closed + "/ironic/images")
			}
			steptest.MakeDir(t, closed, 0o555)
			openUp(t, b.dir)
			var err, missing error
			steptest.AsNobody(t, func() {
				_, err = b.Diff(t.Context(), &runner.Disk{}, nil)
				_, missing = b.Verify(t.Context(), &runner.Disk{})
			})
			if err == nil || !strings.Contains(err.Error(), "no permission to write into "+closed+":") || !strings.HasPrefix(fault.Hint(err), "bayplan never calls sudo") {
				t.Errorf("got error %v, hint %q", err, fault.Hint(err))
			}
			if missing == nil || strings.Contains(missing.Error(), "permission") {
				t.Errorf("verify gives %v", missing)
			}
		})
	}
}

// openUp lets nobody read the images.
func openUp(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{filepath.Dir(dir), dir, dir + "/images"} {
		steptest.MakeDir(t, d, 0o755)
	}
	for name := range testbed.OvercloudFiles() {
		if err := os.Chmod(dir+"/images/"+name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
