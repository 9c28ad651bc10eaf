package claims

import "testing"

func TestClaim(t *testing.T) {
	digest := func(d ...string) map[string]Content {
		return map[string]Content{"x": {Digests: d}, "y": {Digests: []string{"sha256:1"}}}
	}
	sized := func(size int64, d ...string) map[string]Content {
		return map[string]Content{"x": {Digests: d, Size: size}}
	}
	for name, tt := range map[string]struct {
		first, second map[string]Content
		who           string
		conflict      bool
	}{
		"the same":                   {digest("sha256:a"), digest("sha256:a"), "b", false},
		"another":                    {digest("sha256:a"), digest("sha256:b"), "b", true},
		"of itself":                  {digest("sha256:a"), digest("sha256:b"), "a", false},
		"not known":                  {digest("sha256:a"), digest(), "b", false},
		"not known before":           {digest(), digest("sha256:a"), "b", false},
		"another algorithm":          {digest("sha256:a"), digest("sha512:b"), "b", false},
		"one of several algorithms":  {digest("sha512:c", "sha256:a"), digest("md5:d", "sha256:b"), "b", true},
		"the same by one of several": {digest("sha512:c", "sha256:a"), digest("sha256:a", "md5:d"), "b", false},
		"another size":               {sized(1), sized(2, "sha256:a"), "b", true},
		"two algorithms, two sizes":  {sized(1, "sha512:b"), sized(2, "sha256:a"), "b", true},
		"two algorithms, one size":   {sized(1, "sha512:b"), sized(1, "sha256:a"), "b", false},
		"another by the second":      {digest("sha256:a", "mode:1"), digest("sha256:a", "mode:2"), "b", true},
		"a size not known":           {sized(1), digest("sha256:a"), "b", false},
		"another place":              {map[string]Content{"z": {Size: 1}}, digest("sha256:a"), "b", false},
		"nothing":                    {nil, nil, "b", false},
		"of an empty content":        {map[string]Content{"x": {}}, digest("sha256:a"), "b", false},
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
			if c != nil && table.Claim("b", map[string]Content{"y": {Digests: []string{"sha256:1"}}}) != nil {
				t.Error("a refused claim stays")
			}
		})
	}
}

// Two of three parties differ, though nothing is known of what the first one brings, or it is known
// by another algorithm.
func TestClaimOfThree(t *testing.T) {
	for _, first := range []string{"", "sha512:3"} {
		var table Table
		for _, of := range [][2]string{{"a", first}, {"b", "sha256:1"}} {
			if c := table.Claim(of[0], map[string]Content{"x": {Digests: []string{of[1]}}}); c != nil {
				t.Fatal(c)
			}
		}
		if c := table.Claim("c", map[string]Content{"x": {Digests: []string{"sha256:2"}}}); c == nil || c.Other != "b" {
			t.Errorf("got %+v", c)
		}
	}
}
