package tripleo

import (
	"fmt"
	"strings"
)

// Given makes a selection of images that are named by whoever asks, for
// deployments whose images no catalog lists. Of the request it heeds
// TagFromLabel, PushDestination, Includes and Excludes.
func Given(listed []ListedImage, req Request) (*Selection, error) {
	s := &Selection{Filtered: true, Services: []string{}}
	s.Strategies = []Strategy{req.strategy()}
	for _, l := range listed {
		if !s.Strategies[0].takes(l.Name) {
			continue
		}
		image, err := given(l, req)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		s.Images = append(s.Images, image)
	}
	return s, nil
}

func given(l ListedImage, req Request) (Image, error) {
	name, digest, _ := strings.Cut(l.Name, "@")
	if !reference.MatchString(name) || !strings.Contains(name, "/") {
		return Image{}, fmt.Errorf("%q is not an image with its registry and tag, host/path:tag", l.Name)
	}
	at := strings.LastIndexByte(name, ':')
	image := Image{
		Name: name[:at], Tag: name[at+1:], Digest: digest, TagFromLabel: req.TagFromLabel,
		PushDestination: req.PushDestination, Basename: name[strings.LastIndexByte(name[:at], '/')+1 : at],
	}
	if l.PushDestination != "" {
		image.PushDestination = l.PushDestination
	}
	if digest != "" {
		image.TagFromLabel = "" // it is named as exactly as can be
	}
	return image, nil
}
