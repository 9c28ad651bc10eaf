package untar

import (
	"os"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

func TestUntarVerify(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, base string)
		want   string
	}{
		{"as it was", func(*testing.T, string) {}, ""},
		{"gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/images/a.qcow2") }, "a.qcow2"},
		{"longer", func(t *testing.T, base string) { steptest.PutFile(t, base+"/images/a.qcow2", "disk!") }, "5 bytes, and in the archive it has 4"},
		{"different", func(t *testing.T, base string) { steptest.PutFile(t, base+"/images/a.qcow2", "DISK") }, steptest.SHA256("DISK")},
		{"directory gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/images/empty") }, "empty"},
		{"directory is a file", func(t *testing.T, base string) {
			steptest.Remove(t, base+"/images/empty")
			steptest.PutFile(t, base+"/images/empty", "")
		}, "not a directory"},
		{"a link now", func(t *testing.T, base string) {
			if err := os.Rename(base+"/images/a.qcow2", base+"/elsewhere"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(base+"/elsewhere", base+"/images/a.qcow2"); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
		{"archive gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/x.tar") }, "x.tar"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := newUntar(t)
			steptest.Apply(t, s)
			tt.change(t, base)
			_, err := (&untar{Archive: s.Archive, Into: s.Into}).Verify(t.Context(), (&runner.Disk{}).Hard())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}
