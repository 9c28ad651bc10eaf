package registry

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/transport"
)

// Hosts that are IPv6 addresses, with and without a port, over real
// connections: tokens, uploads, mounts and all.
func TestIPv6Hosts(t *testing.T) {
	for name, hosts := range map[string][2]string{
		"with ports":    {"[2001:db8::1]:5000", "[::1]:8787"},
		"without ports": {"[2001:db8::1]", "[2001:db8::2]"},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := newGate(t, time.Minute), newGate(t, time.Minute)
			serve := func(g *gate, host string) Host {
				s := httptest.NewServer(g)
				t.Cleanup(s.Close)
				return Host{Name: host, Address: s.Listener.Addr().String(), TLS: transport.Disabled}
			}
			c := newClient(t, serve(src, hosts[0]), serve(dst, hosts[1]))
			src.image(t, "ns/a", "1", map[string]string{"a": "b"}, random(1, 5_000))
			src.image(t, "ns/b", "1", nil, random(1, 5_000), random(2, 10))
			var images []Image
			for _, repo := range []string{"/ns/a:1", "/ns/b:1"} {
				images = append(images, Image{Source: hosts[0] + repo, Target: hosts[1] + repo})
			}
			if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, c, images)
			labels, _, err := c.Labels(t.Context(), images[0].Target)
			if err != nil || labels["a"] != "b" {
				t.Errorf("labels %v, %v", labels, err)
			}
			if names, err := c.Catalog(t.Context(), hosts[1]); err != nil || len(names) != 2 {
				t.Errorf("catalog %q, %v", names, err)
			}
		})
	}
}
