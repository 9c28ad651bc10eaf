package mirror

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// unsigned is a rule that asks for no proof.
func unsigned(pattern string) trustRule { return trustRule{Images: pattern, Unsigned: new(true)} }

// trusting gives a mirror of the bench's list with these rules.
func trusting(b *testbed.Registries, rules ...trustRule) *mirror {
	m := newMirror(b)
	m.Signatures.Other.Trust = rules
	return m
}

func TestMirrorTrustValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		rule trustRule
		want string
	}{
		"good":        {unsigned("quay.io/**"), ""},
		"no proof":    {trustRule{Images: "quay.io/**"}, "signatures.trust[0]: nothing says what proves these images"},
		"no pattern":  {unsigned("nginx"), "signatures.trust[0].images: "},
		"a tag in it": {unsigned("quay.io/a:1"), "signatures.trust[0].images: "},
	} {
		t.Run(name, func(t *testing.T) {
			m := newStep((*connections.Set)(nil))
			m.Signatures.Text, m.Signatures.Other.Trust = "", []trustRule{tt.rule}
			err := m.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	m := newStep((*connections.Set)(nil))
	m.Signatures.Text, m.Signatures.Other.Keep = "", "copied"
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "signatures.keep: ") {
		t.Errorf("got %v", err)
	}
}

// An image that no rule matches is not asked for. The others are copied.
func TestMirrorTrustRefuses(t *testing.T) {
	b := testbed.NewRegistries(t)
	var asked []string
	var mu sync.Mutex
	b.Before["upstream"] = func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		return false
	}
	m := trusting(b, unsigned("registry.access.redhat.com/rhosp13/openstack-nova*"), unsigned("quay.io/**"))
	m.Rename = []renameRule{{From: "rhosp13/openstack-", To: "x/"}}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Err == nil || !strings.Contains(f.Err.Error(), "registry.access.redhat.com/rhosp13/openstack-base:13.0-40: no rule of signatures.trust matches it") {
		t.Errorf("got %v", f.Err)
	}
	for _, path := range asked {
		if strings.Contains(path, "openstack-base") {
			t.Errorf("asked for %s", path)
		}
	}
	if want := []string{"the rule for quay.io/** under signatures.trust decides about no image of the list"}; !cmp.Equal(f.Notes, want) {
		t.Errorf("notes %q", f.Notes)
	}
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	var part *runner.IncompleteError
	if !errors.As(err, &part) || len(part.Done["images"].Items()) != 2 {
		t.Errorf("got %v, %+v", err, part)
	}
	holds := b.Holds(t)
	if len(holds) != 2 || holds["x/nova-api:13.0-40"] == "" {
		t.Errorf("the destination has %v", holds)
	}
	if _, err := m.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "no rule of signatures.trust matches it") {
		t.Errorf("verify: %v", err)
	}
}
