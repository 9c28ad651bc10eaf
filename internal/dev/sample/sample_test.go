package sample_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/sample"
)

func TestCommittedFiles(t *testing.T) {
	files, err := sample.Examples()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join("../../../examples", f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, f.Content) {
			t.Errorf("%s is not what go generate ./internal/dev/sample writes", f.Name)
		}
		total += len(got)
	}
	if total > 500<<10 {
		t.Errorf("the files have %d bytes, want small files", total)
	}
}

func TestArchivesHoldTheFiveImages(t *testing.T) {
	var got []string
	for _, a := range sample.Archives() {
		for _, f := range a.Files {
			got = append(got, f.Name)
			if n := len(f.Content); n < 4<<10 || n > 64<<10 {
				t.Errorf("%s has %d bytes", f.Name, n)
			}
		}
	}
	want := []string{
		"overcloud-full.qcow2", "overcloud-full.vmlinuz", "overcloud-full.initrd",
		"ironic-python-agent.kernel", "ironic-python-agent.initramfs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
