package tripleo

import "fmt"

// A ListedImage is one entry of an images file.
type ListedImage struct {
	Name            string // imagename, as it is written: host/path:tag
	PushDestination string // host, maybe with a path; "" when there is none
	Place           Place
}

// ReadImages reads an images file: what Result.ImagesFile writes, and what the
// old tool writes. Every entry that cannot be used as it stands is an error,
// such as one that asks for the image to be changed on its way.
func ReadImages(open Open, path string) ([]ListedImage, error) {
	root, err := readYAML(open, path)
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
