package outfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCheck(t *testing.T) {
	top := t.TempDir()
	t.Chdir(top)
	for _, dir := range []string{"state/runs", "out"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"plan.yaml", "old.xml"} {
		if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.yaml": "plan.yaml", "there": "state", "linked": "."} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link("plan.yaml", "hard.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"new.xml": "", "old.xml": "", "out/new.xml": "", "stateful.xml": "", "": "",
		"plan.yaml": "would overwrite it", "./out/../plan.yaml": "would overwrite it", "link.yaml": "would overwrite it",
		"hard.yaml": "would overwrite it", "plan.lock.yaml": "would overwrite it", "linked/plan.lock.yaml": "would overwrite it",
		"state/x": "holds the state", "state/runs/x": "holds the state", "there/x": "holds the state", "state": "holds the state",
		"later/x": "holds the state", filepath.Join(top, "state", "x"): "holds the state",
		"none/x": "no such file", "pipe": "it is not a regular file", "out": "it is not a regular file", "plan.yaml/x": "its directory is none", "-": "a file is wanted", "./-": "",
	} {
		f := &Files{}
		f.Add("junit", file)
		f.Protect("plan.yaml", "", "plan.lock.yaml")
		f.ProtectDir("state", "later")
		err := f.Check()
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), "--junit "+file+": ") || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
	f := &Files{}
	f.Add("junit", "a")
	f.Add("metrics", "./a")
	if err := f.Check(); err == nil || err.Error() != "--metrics ./a: it is the file of --junit, too" {
		t.Error(err)
	}
}
