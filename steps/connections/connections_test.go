package connections

import (
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestUnknownConnectionHints(t *testing.T) {
	o := &Set{registries: []namedRegistry{{name: "upstream"}, {name: "local"}}}
	_, err := o.RegistryHost("locl")
	if got, want := fault.Hint(err), `did you mean local?`; got != want {
		t.Errorf("hint of a near name: got %q, want %q", got, want)
	}
	_, err = o.RegistryHost("quay")
	if got, want := fault.Hint(err), "there are upstream, local"; got != want {
		t.Errorf("hint of a far name: got %q, want %q", got, want)
	}
}

func TestGeneratedImages(t *testing.T) {
	images, err := GeneratedImages("rhosp13")
	if err != nil || len(images) < 45 {
		t.Errorf("got %d images and %v, want those of the walk-through at least", len(images), err)
	}
	if _, err := GeneratedImages("rhosp99"); err == nil {
		t.Error("an unknown release gives no error")
	}
}
