package cloudserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	diskFormats      = []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}
	containerFormats = []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}
	visibilities     = []string{"public", "private", "shared", "community", "all"}

	// Attributes that only the service sets.
	readOnly = []string{
		"created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self",
		"file", "schema", "os_hash_algo", "os_hash_value", "stores",
	}
	// Names that can be neither attribute nor property.
	reserved = []string{"location", "locations", "deleted", "deleted_at"}
	// Attributes that can be set.
	writable = []string{
		"name", "visibility", "protected", "os_hidden", "tags", "min_disk", "min_ram",
		"disk_format", "container_format", "owner",
	}
)

// Limits, with the default values of Glance.
const (
	maxName       = 255
	maxTags       = 128
	maxProperties = 128
	maxText       = 65535
)

// set sets one attribute or property of i. It returns an error for a wrong value.
func (c *Cloud) set(i *image, name string, value json.RawMessage) error {
	switch name {
	case "name":
		return setName(i, value)
	case "visibility":
		return c.setVisibility(i, value)
	case "protected":
		return decode(name, value, &i.Protected)
	case "os_hidden":
		return decode(name, value, &i.Hidden)
	case "tags":
		return setTags(i, value)
	case "min_disk":
		return setNumber(name, value, &i.MinDisk)
	case "min_ram":
		return setNumber(name, value, &i.MinRAM)
	case "disk_format":
		return setFormat(i, name, value)
	case "container_format":
		return setFormat(i, name, value)
	case "owner":
		return c.setOwner(i, value)
	}
	return setProperty(i, name, value)
}

func decode[T any](name string, value json.RawMessage, into *T) error {
	var v *T
	if err := json.Unmarshal(value, &v); err != nil || v == nil {
		return refuse(http.StatusBadRequest, "%q cannot be %s", name, shorten(value))
	}
	*into = *v
	return nil
}

func shorten(value json.RawMessage) string {
	if len(value) > 60 {
		return string(value[:60]) + "..."
	}
	return string(value)
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

func setName(i *image, value json.RawMessage) error {
	if isNull(value) {
		i.Name = nil
		return nil
	}
	var name string
	if err := decode("name", value, &name); err != nil {
		return err
	}
	if utf8.RuneCountInString(name) > maxName {
		return refuse(http.StatusBadRequest, "the name is longer than %d characters", maxName)
	}
	i.Name = &name
	return nil
}

func (c *Cloud) setVisibility(i *image, value json.RawMessage) error {
	var v string
	if err := decode("visibility", value, &v); err != nil {
		return err
	}
	if v == "all" || !slices.Contains(visibilities, v) {
		return refuse(http.StatusBadRequest, "visibility cannot be %q", v)
	}
	if v == "public" && !c.isAdmin() {
		return refuse(http.StatusForbidden, "only an admin may make an image public")
	}
	i.Visibility = v
	return nil
}

func setTags(i *image, value json.RawMessage) error {
	var tags []string
	if err := decode("tags", value, &tags); err != nil {
		return err
	}
	i.Tags = nil
	for _, tag := range tags {
		if err := addTag(i, tag); err != nil {
			return err
		}
	}
	return nil
}

func addTag(i *image, tag string) error {
	if utf8.RuneCountInString(tag) > maxName {
		return refuse(http.StatusBadRequest, "a tag has at most %d characters", maxName)
	}
	if slices.Contains(i.Tags, tag) {
		return nil
	}
	if len(i.Tags) == maxTags {
		return refuse(http.StatusRequestEntityTooLarge, "an image has at most %d tags", maxTags)
	}
	i.Tags = append(i.Tags, tag)
	slices.Sort(i.Tags)
	return nil
}

func setNumber(name string, value json.RawMessage, into *int64) error {
	var n int64
	if err := decode(name, value, &n); err != nil {
		return err
	}
	if n < 0 || n > 1<<31-1 {
		return refuse(http.StatusBadRequest, "%q cannot be %d", name, n)
	}
	*into = n
	return nil
}

// setFormat sets one of the two formats. They describe the data, so they cannot
// change once there are data.
func setFormat(i *image, name string, value json.RawMessage) error {
	known, into := diskFormats, &i.DiskFormat
	if name == "container_format" {
		known, into = containerFormats, &i.ContainerFormat
	}
	if i.Status != queued {
		return refuse(http.StatusForbidden, "%q can only be set while the image is queued, and it is %s", name, i.Status)
	}
	if isNull(value) {
		*into = ""
		return nil
	}
	var format string
	if err := decode(name, value, &format); err != nil {
		return err
	}
	if !slices.Contains(known, format) {
		return refuse(http.StatusBadRequest, "%q cannot be %q; the choices are %q", name, format, known)
	}
	*into = format
	return nil
}

func (c *Cloud) setOwner(i *image, value json.RawMessage) error {
	var owner string
	if err := decode("owner", value, &owner); err != nil {
		return err
	}
	if !c.isAdmin() && owner != i.Owner {
		return refuse(http.StatusForbidden, "only an admin may give an image to another owner")
	}
	i.Owner = owner
	return nil
}

// setProperty sets a property, which has any other name and a text as its value.
func setProperty(i *image, name string, value json.RawMessage) error {
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return refuse(http.StatusBadRequest, "the name of a property has 1 to %d characters", maxName)
	}
	link := name == "kernel_id" || name == "ramdisk_id"
	if link && isNull(value) {
		delete(i.Properties, name)
		return nil
	}
	var text string
	if err := decode(name, value, &text); err != nil {
		return err
	}
	if len(text) > maxText {
		return refuse(http.StatusBadRequest, "the value of %q is longer than %d bytes", name, maxText)
	}
	if link && !isUUID(text) {
		return refuse(http.StatusBadRequest, "%q must be the id of an image; %q is not a UUID", name, text)
	}
	if _, there := i.Properties[name]; !there && len(i.Properties) == maxProperties {
		return refuse(http.StatusRequestEntityTooLarge, "an image has at most %d properties", maxProperties)
	}
	if i.Properties == nil {
		i.Properties = map[string]string{}
	}
	i.Properties[name] = text
	return nil
}

// mayBeSet refuses names that a client may not set.
func mayBeSet(name string) error {
	if slices.Contains(readOnly, name) {
		return refuse(http.StatusForbidden, "%q is read-only", name)
	}
	if slices.Contains(reserved, name) || strings.HasPrefix(name, "os_glance_") {
		return refuse(http.StatusForbidden, "%q is reserved", name)
	}
	return nil
}
