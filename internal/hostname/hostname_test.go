package hostname

import (
	"net/url"
	"testing"
)

func TestNormal(t *testing.T) {
	for host, want := range map[string]string{
		"Registry.Example.COM":       "registry.example.com",
		"registry.example.com.":      "registry.example.com",
		"registry.example.com.:5000": "registry.example.com:5000",
		"registry.example.com:":      "registry.example.com",
		"registry.example.com:05000": "registry.example.com:5000",
		"[2001:DB8:0:0::1]:5000":     "[2001:db8::1]:5000",
		"[2001:0db8::0001]":          "[2001:db8::1]",
		"2001:db8::1":                "[2001:db8::1]",
		"192.0.2.1:8787":             "192.0.2.1:8787",
		"undercloud":                 "undercloud",
		"[fe80::1%Eth0]:80":          "[fe80::1%Eth0]:80",
		"":                           "",
		"no host:x:y":                "no host:x:y",
	} {
		if got := Normal(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
		if got := Normal(host); Normal(got) != got {
			t.Errorf("%q: %q is not stable", host, got)
		}
	}
}

func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://A.example":          "https://a.example:443",
		"https://a.example.:443/x":   "https://a.example:443",
		"http://a.example/":          "http://a.example:80",
		"http://a.example:443":       "http://a.example:443",
		"https://[2001:DB8::0:1]/v2": "https://[2001:db8::1]:443",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Origin(u); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if !Same("auth.example", "AUTH.example:443", "https") || Same("auth.example", "auth.example:443", "http") || Same("a", "b", "https") {
		t.Error("default ports depend on the scheme")
	}
}

func TestFind(t *testing.T) {
	entries := map[string]int{"a.example": 1, "b.example:443": 2, "c.example:80": 3}
	for text, want := range map[string]int{
		"https://A.example.": 1, "https://a.example:443": 1, "http://a.example:80": 1, "https://a.example:80": 0,
		"https://b.example": 2, "http://b.example": 0, "http://c.example": 3, "https://c.example": 0,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := Find(entries, u); got != want || ok != (want != 0) {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

// The names of one registry, and those of others.
func TestRegistryIs(t *testing.T) {
	tests := map[string]struct {
		registry     Registry
		same, others []string
	}{
		"Docker Hub": {
			Registry{Host: "docker.io"},
			[]string{"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "Docker.IO", "docker.io:443", "index.docker.io."},
			[]string{"docker.io:80", "docker.io:5000", "auth.docker.io", "hub.docker.com", "docker.io.example.com", ""},
		},
		"Docker Hub by another name": {
			Registry{Host: "index.docker.io"},
			[]string{"docker.io", "registry-1.docker.io", "index.docker.io:443"},
			[]string{"index.docker.io:5000"},
		},
		"with TLS": {
			Registry{Host: "R.example"},
			[]string{"r.example", "r.example:443", "R.EXAMPLE.:443"},
			[]string{"r.example:80", "r.example:5000", "s.example"},
		},
		"without TLS": {
			Registry{Host: "r.example", Plain: true},
			[]string{"r.example:80", "R.example."},
			[]string{"r.example:443"},
		},
		"IPv6": {
			Registry{Host: "[2001:db8:0::1]:5000"},
			[]string{"[2001:DB8::1]:5000", "[2001:db8:0:0:0:0:0:1]:05000"},
			[]string{"[2001:db8::1]", "[2001:db8::2]:5000"},
		},
	}
	for name, tt := range tests {
		for _, host := range tt.same {
			if !tt.registry.Is(host) {
				t.Errorf("%s: %q is another one", name, host)
			}
		}
		for _, host := range tt.others {
			if tt.registry.Is(host) {
				t.Errorf("%s: %q is the same", name, host)
			}
		}
	}
}

func TestRegistryNames(t *testing.T) {
	all := Registries{
		{Host: "Index.docker.io"},
		{Host: "r.example:443"},
		{Host: "r.example:80", Plain: true},
		{Host: "plain.example", Plain: true},
		{Host: "undercloud"},
		{Host: "lab:80", Plain: true},
	}
	for host, want := range map[string]string{
		"docker.io":         "docker.io",
		"index.docker.io":   "docker.io",
		"r.example":         "r.example",
		"R.example:443":     "r.example",
		"r.example:80":      "r.example:80",
		"plain.example:80":  "plain.example",
		"plain.example.":    "plain.example",
		"plain.example:443": "plain.example:443",
		"undercloud":        "undercloud:443",
		"UNDERCLOUD:443":    "undercloud:443",
		"lab":               "lab:80",
		"other.example:443": "other.example",
		"other.example:80":  "other.example:80",
		"localhost:443":     "localhost",
		"[::1]:443":         "[::1]",
	} {
		if got := all.Name(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
	for host, want := range map[string]string{"docker.io": "registry-1.docker.io", "index.docker.io": "index.docker.io", "R.example:5000": "r.example:5000"} {
		if got := (Registry{Host: host}).Address(); got != want {
			t.Errorf("%q is asked at %q, want %q", host, got, want)
		}
	}
}

// Two connections must not be for one registry.
func TestClash(t *testing.T) {
	tests := []struct {
		a, b Registry
		want bool
	}{
		{Registry{Host: "docker.io"}, Registry{Host: "registry.hub.docker.com"}, true},
		{Registry{Host: "r.example"}, Registry{Host: "R.example.:443"}, true},
		{Registry{Host: "r.example", Plain: true}, Registry{Host: "r.example:80", Plain: true}, true},
		{Registry{Host: "r.example:443"}, Registry{Host: "r.example", Plain: true}, true}, // which is r.example/image?
		{Registry{Host: "r.example"}, Registry{Host: "r.example:80", Plain: true}, false},
		{Registry{Host: "r.example:443"}, Registry{Host: "r.example:80", Plain: true}, false},
		{Registry{Host: "r.example:5000"}, Registry{Host: "r.example"}, false},
		{Registry{Host: ""}, Registry{Host: ""}, false},
	}
	for _, tt := range tests {
		for _, pair := range [][2]Registry{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := (Registries{pair[0]}).Clash(pair[1]) == 0; got != tt.want {
				t.Errorf("%+v and %+v: got %v", pair[0], pair[1], got)
			}
		}
	}
}
