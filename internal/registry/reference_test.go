package registry

import (
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// A name without a host is refused, with the whole name where Docker Hub may have it.
func TestNamesWithoutAHost(t *testing.T) {
	for name, want := range map[string]string{
		"busybox:1.36":     "if it is an image of Docker Hub, write docker.io/library/busybox:1.36",
		"grafana/loki:3":   "if it is an image of Docker Hub, write docker.io/grafana/loki:3",
		"undercloud/a:1":   "if it is an image of Docker Hub, write docker.io/undercloud/a:1",
		"busybox":          "", // no list takes a name without a tag
		"undercloud/a/b:1": "", // Docker Hub has no such names
		"APP:1":            "",
		"":                 "",
	} {
		_, _, _, err := Split(name)
		if err == nil || fault.Hint(err) != want {
			t.Errorf("%q: %v, hint %q, want %q", name, err, fault.Hint(err), want)
		}
	}
}
