package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An adapted plan has its paths at another place and other texts, and an output that is
// there already stays.
func TestAdapt(t *testing.T) {
	const src = `apiVersion: bayplan/v1
name: p
steps:
  a:
    type: x
    with: { host: /etc/a, own: b/c.txt, home: ~/d, word: old, list: [/e, "${steps.b.path}"], none: "" }
  b: { type: x, with: {} }
`
	var relative []string
	p, errs := Parse("/plans/p.yaml", []byte(src), Options{Adapt: &Adapt{
		Path: func(path string, rel bool) string {
			if rel {
				relative = append(relative, path)
			}
			if strings.HasPrefix(path, "/root/") {
				return path
			}
			return "/root" + path
		},
		Text: func(text string) string { return strings.ReplaceAll(text, "old", "new") },
	}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got struct {
		Host Path   `json:"host"`
		Own  Path   `json:"own"`
		Home Path   `json:"home"`
		Word string `json:"word"`
		List []Path `json:"list"`
		None Path   `json:"none,omitempty"`
	}
	t.Setenv("HOME", "/home/me")
	if errs := p.Step("a").With.Decode(&got, func(Ref) Value { return Text("/root/f") }); len(errs) > 0 {
		t.Fatal(errs)
	}
	want := got
	want.Host, want.Own, want.Home, want.Word = "/root/etc/a", "/root/plans/b/c.txt", "/root/home/me/d", "new"
	want.List, want.None = []Path{"/root/e", "/root/f"}, ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/plans/b/c.txt"}, relative); diff != "" {
		t.Errorf("relative paths (-want +got):\n%s", diff)
	}
}
