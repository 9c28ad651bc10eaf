package layoutindex

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/fault"
)

// indexOf makes an index that names images so.
func indexOf(names ...string) *Index {
	idx := Empty()
	for _, name := range names {
		d := descriptor.Descriptor{Digest: digest.FromString(name)}
		if name != "" {
			d.Annotations = map[string]string{NameKey: name}
		}
		idx.Insert(d)
	}
	return idx
}

func TestMissing(t *testing.T) {
	var many []string
	for i := range 8 {
		many = append(many, fmt.Sprintf("app:%d", i))
	}
	for _, tt := range []struct {
		idx  *Index
		want string
		hint string
	}{
		{indexOf("team/app:1"), "", ""},
		{indexOf("1"), "", ""}, // named by its tag alone
		{indexOf(""), "", ""},  // the only one
		{indexOf(), "there is no image team/app:1 in the layout /media, which names no image", ""},
		{indexOf("", ""), "there is no image team/app:1 in the layout /media, which names no image", ""},
		{indexOf("team/ap:1"), "there is no image team/app:1 in the layout /media, which has team/ap:1", "did you mean team/ap:1?"},
		{indexOf(many...), "there is no image team/app:1 in the layout /media, which has app:0, app:1, app:2, app:3, app:4 and 3 more", ""},
	} {
		err := tt.idx.Missing("/media", "team/app:1")
		if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want || !strings.HasPrefix(fault.Hint(err), tt.hint) {
			t.Errorf("got %v, hint %q, want %q", err, fault.Hint(err), tt.want)
		}
	}
}
