package imagelist

import (
	"testing"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// A push_destination may spell the destination's host in another way, and may not name
// another registry.
func TestTarget(t *testing.T) {
	all := hostname.Registries{{Host: "index.docker.io"}, {Host: "plain.example", Plain: true}, {Host: "Undercloud.example:8787"}}
	same := func(a, b string) bool { return all.Name(a) == all.Name(b) }
	tests := map[string]struct{ host, push, want string }{
		"none":                   {"Undercloud.example:8787", "", "Undercloud.example:8787/a/b:1"},
		"letter case":            {"Undercloud.example:8787", "undercloud.example:8787/ns", "undercloud.example:8787/ns/a/b:1"},
		"a name of Docker Hub":   {"index.docker.io", "docker.io/ns/", "docker.io/ns/a/b:1"},
		"a default port, no TLS": {"plain.example", "plain.example:80", "plain.example:80/a/b:1"},
		"another port":           {"plain.example", "plain.example:443", ""},
		"another host":           {"index.docker.io", "quay.io", ""},
	}
	for name, tt := range tests {
		l := tripleo.ListedImage{Name: "quay.io/a/b:1", PushDestination: tt.push}
		got, err := Target(l, Destination{tt.host, same}, nil)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}
