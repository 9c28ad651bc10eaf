package glance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

// An attribute is one thing that an image must show after a change: one of the
// attributes that every image has, or a property.
type attribute struct {
	key  string
	want any
	op   images.UpdateOp // how a patch sets it; "": it is compared and not set
}

// ToImagePatchMap implements images.Patch.
func (a attribute) ToImagePatchMap() map[string]any {
	return map[string]any{"op": a.op, "path": "/" + a.key, "value": a.want}
}

func setName(name string) attribute { return attribute{"name", name, images.ReplaceOp} }

func setVisibility(visibility string) attribute {
	return attribute{"visibility", visibility, images.ReplaceOp}
}

func setMinimums(minDisk, minRAM int) []attribute {
	return []attribute{{"min_disk", minDisk, images.ReplaceOp}, {"min_ram", minRAM, images.ReplaceOp}}
}

// setProperties sets properties, which the image may have or not: "add" also
// overwrites, but "replace" of an absent property is an error.
func setProperties(properties map[string]string) (set []attribute) {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		set = append(set, attribute{name, properties[name], images.AddOp})
	}
	return set
}

// setsProperties says in an error what setProperties does.
func setsProperties(properties map[string]string) string {
	return "set " + strings.Join(slices.Sorted(maps.Keys(properties)), " and ")
}

// sameContent gives attributes to compare that no change may affect: the image must be
// active and have the content of img.
func sameContent(img Image) []attribute {
	return []attribute{
		{key: "status", want: Active},
		{key: "size", want: img.Size},
		{key: "checksum", want: BestDigest(img)},
	}
}

// expected gives the attributes to compare that the want asks for, except the content.
func (w Want) expected() []attribute {
	all := []attribute{{key: "name", want: w.Name}, {key: "disk_format", want: w.DiskFormat}}
	if w.Visibility != "" {
		all = append(all, attribute{key: "visibility", want: w.Visibility})
	}
	if w.MinDisk != 0 {
		all = append(all, attribute{key: "min_disk", want: w.MinDisk})
	}
	if w.MinRAM != 0 {
		all = append(all, attribute{key: "min_ram", want: w.MinRAM})
	}
	for _, name := range slices.Sorted(maps.Keys(w.Properties)) {
		all = append(all, attribute{key: name, want: w.Properties[name]})
	}
	return all
}

// update sets attributes of an image and gives the image as the cloud shows it
// afterwards. The status code of the answer is not enough: a cloud may answer 200 and
// change nothing. The answer carries the image, so that image is compared with the
// attributes. If it shows another value, the image is read once more.
func (c *Client) update(ctx context.Context, id, what string, attributes ...attribute) (Image, error) {
	var set images.UpdateOpts
	for _, a := range attributes {
		if a.op != "" {
			set = append(set, a)
		}
	}
	var img Image
	err := c.retry(ctx, func() error {
		img = Image{}
		return images.Update(ctx, c.images, id, set).ExtractInto(&img)
	})
	attributes = append(attributes, attribute{key: "id", want: id})
	if err == nil && img.lacks(attributes) != nil {
		img, err = c.get(ctx, id)
		if err == nil {
			err = img.lacks(attributes)
		}
	}
	if err != nil {
		return Image{}, fmt.Errorf("change image %s of cloud %q (%s): %w", id, c.cloud, what, err)
	}
	return img, nil
}

// lacks gives an error for the first attribute that differs in the image.
func (i Image) lacks(attributes []attribute) error {
	for _, a := range attributes {
		have := i.show(a.key)
		switch {
		case have == a.want:
		case a.op != "":
			return fmt.Errorf("the cloud accepts the change and does not make it: image %q still has the %s %#v, not %#v", i.Name, a.key, have, a.want)
		default:
			return fmt.Errorf("after the change image %q has the %s %#v, not %#v", i.Name, a.key, have, a.want)
		}
	}
	return nil
}

// show gives the value of an attribute.
func (i Image) show(key string) any {
	switch key {
	case "id":
		return i.ID
	case "name":
		return i.Name
	case "status":
		return i.Status
	case "size":
		return i.Size
	case "checksum":
		return BestDigest(i)
	case "disk_format":
		return i.DiskFormat
	case "visibility":
		return i.Visibility
	case "min_disk":
		return i.MinDisk
	case "min_ram":
		return i.MinRAM
	}
	return i.Properties[key]
}
