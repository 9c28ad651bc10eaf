package tripleo

import (
	"cmp"
	"fmt"
	"strings"
)

// SelectListed makes a selection of listed images, for deployments whose images
// are in no catalog. It uses only TagFromLabel, PushDestination, Includes and
// Excludes of the request.
func SelectListed(listed []ListedImage, req Request) (*Selection, error) {
	s := &Selection{Filtered: true, Services: []string{}}
	s.Strategies = []Strategy{req.ownStrategy()}
	for _, l := range listed {
		if !s.Strategies[0].selects(l.Name) {
			continue
		}
		image, err := listedAsImage(l, req)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		s.Images = append(s.Images, image)
	}
	refs := make([]string, len(listed))
	for i, l := range listed {
		refs[i] = l.Name
	}
	s.Unmatched = s.Strategies[0].unmatched(refs)
	return s, nil
}

func listedAsImage(l ListedImage, req Request) (Image, error) {
	name, digest, _ := strings.Cut(l.Name, "@")
	slash := strings.LastIndexByte(name, '/')
	tagged := name
	if digest != "" && !strings.Contains(name[slash+1:], ":") {
		tagged += ":" // the digest alone names the image
	}
	colon := strings.LastIndexByte(tagged, ':')
	if slash < 0 || colon < slash || !imageRef.MatchString(tagged[:colon]+":"+cmp.Or(tagged[colon+1:], "tag")) {
		return Image{}, fmt.Errorf("%q is not an image with its registry and tag, host/path:tag", l.Name)
	}
	image := Image{
		Name: tagged[:colon], Tag: tagged[colon+1:], Digest: digest, TagFromLabel: req.TagFromLabel,
		PushDestination: req.PushDestination, Basename: tagged[slash+1 : colon],
	}
	if l.PushDestination != "" {
		image.PushDestination = l.PushDestination
	}
	if digest != "" {
		image.TagFromLabel = "" // a digest names the image exactly
	}
	return image, nil
}
