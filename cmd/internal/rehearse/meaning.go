package rehearse

import (
	"crypto/sha256"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/upstream"
)

// Meaning implements runner.Rehearsal: paths lie below the root, and images that are named by
// digests have those of what stands in for them.
func (w *world) Meaning(text string) string { return w.pin(w.root.PlaceText(text)) }

// pin puts the digest of a stand-in in the place of the one that a reference has. It gives other
// texts as they are.
func (w *world) pin(reference string) string {
	name, hex, ok := strings.Cut(reference, "@sha256:")
	if !ok || len(hex) != 2*sha256.Size {
		return reference
	}
	host, repository, _, err := registry.Split(name)
	if err != nil {
		return reference
	}
	h := w.registryOf(host)
	if h == nil || !h.Made(repository) {
		return reference
	}
	if _, there := h.Lookup(repository, "sha256:"+hex); there {
		return reference
	}
	sum, err := h.Make(repository, pinnedTag("sha256:"+hex))
	if err != nil {
		return reference // the step that reads it says what is wrong
	}
	w.mu.Lock()
	w.pinned[reference] = true
	w.mu.Unlock()
	return name + "@" + sum
}

// pinnedTag gives the tag of what stands in for the image of a digest: another digest is
// another image.
func pinnedTag(digest string) string { return upstream.PinnedPrefix + digest[len("sha256:"):][:12] }
