package hostname

import "testing"

func TestCheckPattern(t *testing.T) {
	for host, good := range map[string]bool{
		"registry.example.com": true, "*.example.com": true, "registry.*.example.com:5000": true, "a.*": true, "*.*.com": true,
		"*": false, "*:5000": false, "*.*": false, "edge-*.example.com": false, "*.example.com/a": false, "*.example.com:x": false, "**.example.com": false,
	} {
		if err := CheckPattern(host); (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPatternsOfRegistries(t *testing.T) {
	all := Registries{
		{Host: "*.example.com"},
		{Host: "registry.*.example.com:5000"},
		{Host: "registry.edge1.example.com:5000", Plain: true},
		{Host: "*.*.example.com:5000"},
		{Host: "*.lab", Plain: true},
	}
	tests := []struct {
		host, name string
		want       int
	}{
		{"a.example.com", "a.example.com", 0},
		{"A.example.com:443", "a.example.com", 0},
		{"a.b.example.com", "a.b.example.com", -1},
		{"example.com", "example.com", -1},
		{"registry.edge2.example.com:5000", "registry.edge2.example.com:5000", 1},
		{"registry.edge1.example.com:5000", "registry.edge1.example.com:5000", 2},
		{"other.edge1.example.com:5000", "other.edge1.example.com:5000", 3},
		{"registry.edge2.example.com", "registry.edge2.example.com", -1},
		{"x.lab:80", "x.lab", 4},
		{"*.example.com", "*.example.com", 0},
	}
	for _, tt := range tests {
		if got := all.Find(tt.host); got != tt.want {
			t.Errorf("Find(%s) = %d, want %d", tt.host, got, tt.want)
		}
		if got := all.Name(tt.host); got != tt.name {
			t.Errorf("Name(%s) = %s, want %s", tt.host, got, tt.name)
		}
	}
}

func TestPatternsThatTie(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"*.example.com", "*.example.com", 0},
		{"*.example.com", "*.example.com:443", 0},
		{"*.b.com", "a.*.com", 0},
		{"*.bb.com", "a.*.com", -1}, // the first one is always closer
		{"*.b.com", "*.c.com", -1},
		{"*.b.com:5000", "a.*.com", -1},
		{"*.example.com", "a.example.com", -1},
	}
	for _, tt := range tests {
		if got := (Registries{{Host: tt.a}}).Clash(Registry{Host: tt.b}); got != tt.want {
			t.Errorf("%s and %s: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
