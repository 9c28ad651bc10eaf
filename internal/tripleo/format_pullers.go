package tripleo

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/pullers"
)

// The formats of package pullers make engines and clusters pull images from where they are
// pushed to, although others ask for them by the names at their source.

func registriesConf() Format {
	return Format{Name: "registries-conf", Write: func(r Result) ([]byte, string, error) {
		return r.pulled(func(images []pullers.Image) string { return pullers.RegistriesConf(images) }, nil)
	}}
}

func digestMirrorSet() Format {
	byDigest := func(i Image) bool { return i.Digest != "" }
	return Format{
		Name: "idms",
		Write: func(r Result) ([]byte, string, error) {
			return r.pulled(func(images []pullers.Image) string { return pullers.DigestMirrorSet(r.Name, images) }, byDigest)
		},
		Notes: notesOn(byDigest, "%s asked for by tag, and an ImageDigestMirrorSet is for digests: digests: true names all images by digest, format: itms is for tags"),
	}
}

func tagMirrorSet() Format {
	byTag := func(i Image) bool { return i.Digest == "" }
	return Format{
		Name: "itms",
		Write: func(r Result) ([]byte, string, error) {
			return r.pulled(func(images []pullers.Image) string { return pullers.TagMirrorSet(r.Name, images) }, byTag)
		},
		Notes: notesOn(byTag, "%s asked for by digest, and an ImageTagMirrorSet is for tags: format: idms is for digests"),
	}
}

// pulled writes the images that a format has; fits is nil if it has all of them.
func (r Result) pulled(write func([]pullers.Image) string, fits func(Image) bool) ([]byte, string, error) {
	var images []pullers.Image
	for _, image := range r.Images {
		if fits != nil && !fits(image) {
			continue
		}
		if image.PushDestination == "" {
			err := fmt.Errorf("image %s has no push_destination, from which it could be pulled", image.Ref())
			return nil, "", fault.WithHint(err, "set push_destination to the registry that a mirror step copies the images to")
		}
		mirror := image.pushedRepository()
		if image.Digest == "" && strings.TrimPrefix(image.Pushed(), mirror+":") != image.Tag {
			return nil, "", fmt.Errorf("image %s has another tag at the mirror, %s, and engines ask for its own", image.Ref(), image.Pushed())
		}
		host, _, _ := strings.Cut(mirror, "/")
		images = append(images, pullers.Image{
			Source: image.Name, Mirror: mirror, Digest: image.Digest != "", Insecure: r.Insecure != nil && r.Insecure(host),
		})
	}
	if len(images) == 0 {
		return nil, "", fmt.Errorf("the format has none of the %s", human.Count(len(r.Images), "image", "images"))
	}
	var b strings.Builder
	r.writeComment(&b)
	b.WriteString(write(images))
	return []byte(b.String()), human.Count(len(images), "image", "images") + " to pull from a mirror", nil
}

// notesOn says which images a format does not have.
func notesOn(fits func(Image) bool, text string) func(Result) []string {
	return func(r Result) []string {
		var names []string
		for _, image := range r.Images {
			if !fits(image) {
				names = append(names, image.Ref())
			}
		}
		switch len(names) {
		case 0:
			return nil
		case 1:
			return []string{fmt.Sprintf(text, names[0]+" is")}
		}
		return []string{fmt.Sprintf(text, human.Some(names, 1)+" are")}
	}
}
