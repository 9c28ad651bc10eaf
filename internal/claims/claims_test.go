package claims

import "testing"

func TestClaim(t *testing.T) {
	digest := func(d string) map[string]Content {
		return map[string]Content{"x": {Digest: d}, "y": {Digest: "sha256:1"}}
	}
	for name, tt := range map[string]struct {
		first, second map[string]Content
		who           string
		conflict      bool
	}{
		"the same":            {digest("sha256:a"), digest("sha256:a"), "b", false},
		"another":             {digest("sha256:a"), digest("sha256:b"), "b", true},
		"of itself":           {digest("sha256:a"), digest("sha256:b"), "a", false},
		"not known":           {digest("sha256:a"), digest(""), "b", false},
		"not known before":    {digest(""), digest("sha256:a"), "b", false},
		"another algorithm":   {digest("sha256:a"), digest("sha512:b"), "b", false},
		"another size":        {map[string]Content{"x": {Size: 1}}, map[string]Content{"x": {Digest: "sha256:a", Size: 2}}, "b", true},
		"a size not known":    {map[string]Content{"x": {Size: 1}}, digest("sha256:a"), "b", false},
		"another place":       {map[string]Content{"z": {Size: 1}}, digest("sha256:a"), "b", false},
		"nothing":             {nil, nil, "b", false},
		"of an empty content": {map[string]Content{"x": {}}, digest("sha256:a"), "b", false},
	} {
		t.Run(name, func(t *testing.T) {
			var table Table
			if c := table.Claim("a", tt.first); c != nil {
				t.Fatal(c)
			}
			c := table.Claim(tt.who, tt.second)
			if (c != nil) != tt.conflict || c != nil && (c.Place != "x" || c.Other != "a") {
				t.Errorf("got %+v", c)
			}
			if c != nil && table.Claim("b", map[string]Content{"y": {Digest: "sha256:1"}}) != nil {
				t.Error("a refused claim stays")
			}
		})
	}
}

// Two of three parties differ, though nothing is known of what the first one brings.
func TestClaimOfThree(t *testing.T) {
	var table Table
	for who, digest := range map[string]string{"a": "", "b": "sha256:1"} {
		if c := table.Claim(who, map[string]Content{"x": {Digest: digest}}); c != nil {
			t.Fatal(c)
		}
	}
	if c := table.Claim("c", map[string]Content{"x": {Digest: "sha256:2"}}); c == nil || c.Other != "b" {
		t.Errorf("got %+v", c)
	}
}
