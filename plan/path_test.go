package plan

import "testing"

func TestResolvePath(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	tests := []struct{ name, path, want string }{
		{"empty", "", ""},
		{"relative", "images", "/plans/images"},
		{"up", "../x/./y//z/", "/x/y/z"},
		{"dot", ".", "/plans"},
		{"absolute", "/a/../b", "/b"},
		{"home", "~", "/home/me"},
		{"in home", "~/x", "/home/me/x"},
		{"up from home", "~/../you", "/home/you"},
		{"another's home is a name", "~you/x", "/plans/~you/x"},
		{"tilde inside", "a/~", "/plans/a/~"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolvePath("/plans", tt.path)
			if string(got) != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := resolvePath("/plans", "a\x00b"); err == nil {
		t.Error("a NUL in a name is no error")
	}
	t.Setenv("HOME", "")
	if _, err := resolvePath("/plans", "~/x"); err == nil {
		t.Error("without a home, ~ is no error")
	}
}
