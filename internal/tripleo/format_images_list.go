package tripleo

import (
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// imagesList is one image a line, as it will be pulled: what podman pull,
// skopeo, and a mirror step of the next site take.
func imagesList() Format {
	return Format{Name: "images-list", Write: func(r Result) ([]byte, string, error) {
		var b strings.Builder
		r.writeComment(&b)
		seen := map[string]bool{}
		for _, image := range r.Images {
			ref := image.Pushed()
			if image.Digest != "" {
				ref = image.pinnedTag()
			}
			if !seen[ref] {
				seen[ref] = true
				b.WriteString(ref + "\n")
			}
		}
		return []byte(b.String()), human.Count(len(seen), "image", "images"), nil
	}}
}
