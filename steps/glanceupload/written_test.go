package glanceupload

import (
	"os"
	"testing"
	"time"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// Of a file that somebody changes while others are still on their way, nothing is
// remembered.
func TestWrittenFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	const text = "a kernel"
	steptest.PutFile(t, dir+"/from", text)
	disk := &runner.Disk{}
	var wrote writtenFiles
	for _, name := range []string{"/kept", "/changed"} {
		b := hostfiles.Copy{From: dir + "/from", To: dir + name, Size: int64(len(text)), SHA512: steptest.SHA512(text)}
		if err := wrote.place(t.Context(), b, &steptest.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/changed", []byte("A KERNEL"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(dir+"/changed", time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // of a file that was written just now no Disk remembers anything
	wrote.remember(disk)
	if sums, ok := disk.Recall(dir+"/kept", runner.SHA512); !ok || sums[runner.SHA512] != steptest.SHA512(text) {
		t.Errorf("of the file that is as it was: %v", sums)
	}
	if sums, ok := disk.Recall(dir+"/changed", runner.SHA512); ok {
		t.Errorf("of the file that somebody has changed: %v", sums)
	}
}
