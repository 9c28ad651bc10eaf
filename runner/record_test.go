package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/plan"
)

func TestConfigInputs(t *testing.T) {
	long := strings.Repeat("x", 200)
	got, err := configInputs(&fake{Says: "hello", List: []string{"a"}, Number: 3, Reads: plan.Path(long)})
	must(t, err)
	got = shortened(got)
	want := []Input{
		{"with.says", `"hello"`},
		{"with.list", `["a"]`},
		{"with.number", "3"},
		{"with.reads", checksum.SHA256([]byte(`"` + long + `"`))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if d := got[3].Digest; !strings.HasPrefix(d, "sha256:") || len(d) > longestDigest {
		t.Errorf("the digest of a long field is %q", d)
	}
}

func TestKeyChangesWithAllThatDecides(t *testing.T) {
	base := []Input{{"with.a", "1"}, {"b", "2"}}
	keys := map[string]string{}
	for name, key := range map[string]string{
		"base":            keyOf("fake", base),
		"other type":      keyOf("mute", base),
		"other digest":    keyOf("fake", []Input{{"with.a", "1"}, {"b", "3"}}),
		"other name":      keyOf("fake", []Input{{"with.a", "1"}, {"c", "2"}}),
		"one less":        keyOf("fake", base[:1]),
		"shifted texts":   keyOf("fake", []Input{{"with.a", "1b"}, {"", "2"}}),
		"joined together": keyOf("fake", []Input{{"with.a1", ""}, {"b", "2"}}),
	} {
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		keys[key] = name
	}
	if keyOf("fake", base) != keyOf("fake", append([]Input{}, base...)) {
		t.Error("the key is not stable")
	}
}
