package tripleo

import (
	"fmt"
	"strings"
)

// A ListedImage is one entry of an images file.
type ListedImage struct {
	Name            string // imagename, as it is written: host/path:tag
	PushDestination string // host, maybe with a path; "" when there is none
	Place           Place
}

// ReadImages reads an images file: what Result.ImagesFile writes, and what the
// old tool writes. Every entry that cannot be used as it stands is an error,
// such as one that asks for the image to be changed on its way. A file whose
// first entry is a bare reference is a plain list, one image a line.
func ReadImages(open Open, path string) ([]ListedImage, error) {
	text, err := readFile(open, path)
	if err != nil {
		return nil, err
	}
	if lines := entriesOf(path, text); len(lines) > 0 && isReference(lines[0].text) {
		return plainList(lines)
	}
	root, err := parseYAML(path, text)
	if err != nil {
		return nil, err
	}
	if root.kind != isMap {
		return nil, root.place.errorf("an images file begins with container_images:, this is %s", root.kind)
	}
	for _, p := range root.pairs {
		if p.key != "container_images" {
			return nil, p.place.errorf("an images file holds container_images, not %q", p.key)
		}
	}
	list := root.get("container_images")
	if list == nil || list.kind != isList {
		return nil, root.place.errorf("container_images: a list is wanted")
	}
	images := make([]ListedImage, len(list.items))
	for i, item := range list.items {
		if images[i], err = listedImage(item, i); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func listedImage(n *node, i int) (ListedImage, error) {
	what := fmt.Sprintf("container_images: item %d", i+1)
	image := ListedImage{Place: n.place}
	if n.kind != isMap {
		return image, n.place.errorf("%s: a mapping with imagename is wanted, this is %s", what, n.kind)
	}
	for _, p := range n.pairs {
		switch p.key {
		case "imagename", "push_destination":
			if p.value.kind != isText || p.value.text == "" {
				return image, p.place.errorf("%s: %s: a name is wanted, this is %s", what, p.key, p.value.kind)
			}
		case "image_source", "params", "services":
			// Of interest to those who write the file.
		default:
			return image, p.place.errorf("%s: %q is not supported", what, p.key)
		}
	}
	if v := n.get("imagename"); v != nil {
		image.Name = v.text
	} else {
		return image, n.place.errorf("%s: imagename is missing", what)
	}
	if v := n.get("push_destination"); v != nil {
		image.PushDestination = v.text
	}
	return image, nil
}

// A line of a plain list.
type line struct {
	place Place
	text  string
}

// entriesOf gives a text's lines without what is no entry: blank ones, and
// comments from a # at a line's beginning or after a space.
func entriesOf(path, text string) []line {
	var all []line
	n := 0
	for l := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		for _, comment := range []string{" #", "\t#"} {
			l, _, _ = strings.Cut(l, comment)
		}
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			all = append(all, line{Place{path, n}, l})
		}
	}
	return all
}

// isReference says whether a line looks like an image's name, which no first
// line of an images file does.
func isReference(text string) bool {
	return strings.Contains(text, "/") && !strings.ContainsAny(text, " \t{}[]\"',") && !strings.HasSuffix(text, ":")
}

func plainList(lines []line) ([]ListedImage, error) {
	images := make([]ListedImage, len(lines))
	for i, l := range lines {
		if !isReference(l.text) {
			return nil, l.place.errorf("one image a line is wanted, host/path:tag, this is %q", l.text)
		}
		images[i] = ListedImage{Name: l.text, Place: l.place}
	}
	return images, nil
}
