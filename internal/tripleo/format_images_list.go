package tripleo

import (
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// imagesList has one image per line, with the name that it will be pulled by. podman
// pull, skopeo and a mirror step of the next site accept it.
func imagesList() Format {
	return Format{Name: "images-list", Write: func(r Result) ([]byte, string, error) {
		var b strings.Builder
		r.writeComment(&b)
		seen := map[string]bool{}
		for _, image := range r.Images {
			ref := image.Pushed()
			if image.Digest != "" {
				ref = image.pinnedTagRef()
			}
			if !seen[ref] {
				seen[ref] = true
				b.WriteString(ref + "\n")
			}
		}
		return []byte(b.String()), human.Count(len(seen), "image", "images"), nil
	}}
}
