package imagelist

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An image that a list names by tag, and by the same tag with a digest, is one image.
func TestTargetsOfOneImage(t *testing.T) {
	sum, other := "@sha256:"+strings.Repeat("1", 64), "@sha256:"+strings.Repeat("2", 64)
	for name, tt := range map[string]struct{ list, want []string }{
		"the tag first":                  {[]string{"q.io/a:1", "q.io/a:1" + sum}, []string{"q.io/a:1" + sum}},
		"the digest first":               {[]string{"q.io/a:1" + sum, "q.io/b:1", "q.io/a:1"}, []string{"q.io/a:1" + sum, "q.io/b:1"}},
		"the same twice":                 {[]string{"q.io/a:1" + sum, "q.io/a:1" + sum}, []string{"q.io/a:1" + sum}},
		"another tag":                    {[]string{"q.io/a:2", "q.io/a:1" + sum}, []string{"q.io/a:2", "q.io/a:1" + sum}},
		"a digest alone":                 {[]string{"q.io/a:1", "q.io/a" + sum}, []string{"q.io/a:1", "q.io/a" + sum}},
		"two digests, which is an error": {[]string{"q.io/a:1" + sum, "q.io/a:1" + other}, []string{"q.io/a:1" + sum, "q.io/a:1" + other}},
	} {
		images, err := Targets(Inline(tt.list), func(e Entry) (string, error) { return PathOf(e.Name) })
		var got []string
		for _, im := range images {
			got = append(got, im.Source)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}
