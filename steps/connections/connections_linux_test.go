package connections

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner/steptest"
)

// An embedded service that cannot keep anything is named, with its directory.
func TestOpenWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	steptest.MakeDir(t, filepath.Dir(dir), 0o755) // nobody has to get there
	steptest.MakeDir(t, dir, 0o555)
	for _, tt := range []struct{ name, connections string }{
		{"registry local", `registries: { local: { host: "192.0.2.1:8787", embedded: { dir: sub/world } } }`},
		{"cloud undercloud", `clouds: { undercloud: { embedded: { dir: sub/world } } }`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := "apiVersion: bayplan/v1\nname: p\nconnections:\n  " + tt.connections + "\nsteps: { a: { type: mkdir } }\n"
			p, errs := plan.Parse(filepath.Join(dir, "p.yaml"), []byte(src), plan.Options{})
			if errs != nil {
				t.Fatal(errs)
			}
			out, errs := Connect(p)
			if errs != nil {
				t.Fatal(errs)
			}
			defer out.Close()
			var err error
			steptest.AsNobody(t, func() { err = out.Open(false) })
			if err == nil || !strings.HasPrefix(err.Error(), tt.name+": ") || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want %s and %s named", err, tt.name, dir)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, "right to write") {
				t.Errorf("hint %q", hint)
			}
		})
	}
}
