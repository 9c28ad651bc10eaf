package tripleo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// openstackVersion is the custom resource that makes the operators of OpenStack on
// OpenShift (RHOSO) use other images than their defaults. It names images by
// digest, because the registries.conf of a disconnected site mirrors no tags.
//
// The fields are those of OpenStackVersion in api/core/v1beta1 of
// https://github.com/openstack-k8s-operators/openstack-operator. The image of each
// field is that in config/default/manager_default_images.yaml there.
func openstackVersion() Format {
	return Format{
		Name:    "openstack-version",
		Digests: true,
		Check: func(req Request) error {
			if req.TargetVersion == "" {
				return fmt.Errorf("an OpenStackVersion needs a target_version")
			}
			return nil
		},
		Write: writeVersion,
	}
}

func writeVersion(r Result) ([]byte, string, error) {
	fields, err := versionFields(r.Images)
	if err != nil {
		return nil, "", err
	}
	var b strings.Builder
	r.writeComment(&b)
	b.WriteString("apiVersion: core.openstack.org/v1beta1\nkind: OpenStackVersion\nmetadata:\n  name: openstack\n  namespace: openstack\nspec:\n")
	b.WriteString("  targetVersion: " + yamlScalar(r.TargetVersion) + "\n  customContainerImages:\n")
	for _, f := range fields {
		name, key, nested := strings.Cut(f.name, ".")
		if nested { // each backend of these services may have its own image
			b.WriteString("    " + name + ":\n      " + key + ": " + yamlScalar(f.image) + "\n")
			continue
		}
		b.WriteString("    " + name + ": " + yamlScalar(f.image) + "\n")
	}
	return []byte(b.String()), human.Count(len(fields), "image", "images") + " of an OpenStackVersion", nil
}

// A versionField is a field of the resource and its value.
type versionField struct{ name, image string }

// versionFields returns the fields of the images, sorted. An image without a field
// is an error, because no service would use it.
func versionFields(images []Image) ([]versionField, error) {
	rows, err := readTable("openstack-version")
	if err != nil {
		return nil, err
	}
	byImage := map[string]string{}
	for _, row := range rows {
		byImage[row["image"]] = row["field"]
	}
	var fields []versionField
	taken := map[string]string{}
	for _, image := range images {
		field := byImage[versionName(image.Name)]
		switch {
		case field == "":
			return nil, fmt.Errorf("an OpenStackVersion has no field for image %s", image.Name)
		case taken[field] == image.Name:
			continue
		case taken[field] != "":
			return nil, fmt.Errorf("images %s and %s are both for %s of an OpenStackVersion", taken[field], image.Name, field)
		}
		taken[field] = image.Name
		fields = append(fields, versionField{field, image.pinnedRef()})
	}
	slices.SortFunc(fields, func(a, b versionField) int { return strings.Compare(a.name, b.name) })
	return fields, nil
}

// versionName returns an image's name in the table: the last part of its name,
// without the prefix and suffix of products.
func versionName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.TrimPrefix(elSuffix.ReplaceAllString(name, ""), "openstack-")
}

var elSuffix = lazyregexp.New(`-rhel[0-9]+$`)
