package glanceupload

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A diskImage is an image and the file from which it is made.
type diskImage struct {
	Name       string
	File       string // absolute
	Disk       string // format of the file
	Container  string
	Visibility string
	Properties map[string]string
	MinDisk    int
	MinRAM     int
	Kernel     string // name of the image whose id becomes kernel_id
	Ramdisk    string // name of the image whose id becomes ramdisk_id
	Output     string // the output that gives its id
}

// prefix puts a text before all names of images.
func (img *diskImage) prefix(p string) {
	img.Name = p + img.Name
	if img.Kernel != "" {
		img.Kernel = p + img.Kernel
	}
	if img.Ramdisk != "" {
		img.Ramdisk = p + img.Ramdisk
	}
}

// diskImages gives all images of the step, each after its kernel and ramdisk.
func (s *glanceUpload) diskImages() []diskImage {
	if len(s.Images) == 0 {
		return s.releaseImages()
	}
	var first, images []diskImage
	for _, u := range s.Images {
		img := diskImage{
			Name: string(u.Name), File: string(u.File), Disk: u.DiskFormat,
			Container: cmp.Or(u.ContainerFormat, "bare"), Visibility: cmp.Or(u.Visibility, "public"),
			Properties: u.Properties, MinDisk: u.MinDisk, MinRAM: u.MinRAM, Kernel: u.Kernel, Ramdisk: u.Ramdisk,
		}
		if u.Kernel == "" && u.Ramdisk == "" {
			first = append(first, img)
		} else {
			images = append(images, img)
		}
	}
	return append(first, images...)
}

// sources gives the paths of all files that are read, each once.
func (s *glanceUpload) sources() []string {
	var paths []string
	for _, img := range s.diskImages() {
		paths = append(paths, img.File)
	}
	for _, pair := range s.bootFiles() {
		paths = append(paths, pair[0])
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(paths, func(path string) bool {
		again := seen[path] || path == ""
		seen[path] = true
		return again
	})
}

// validateImages finds mistakes in the setting images.
func (s *glanceUpload) validateImages() []error {
	var errs []error
	for field, set := range map[string]bool{
		"from": s.From != nil, "http_boot": s.HTTPBoot != "", "os_image_name": s.OSImageName != "", "whole_disk": s.WholeDisk,
		"architecture": s.Architecture != "", "platform": s.Platform != "",
	} {
		if set {
			errs = append(errs, plan.At(field, fault.WithHint(errors.New("it only applies to a release's images, and not to those under images"),
				"say of each image under images what it needs, or make two steps")))
		}
	}
	byName, byFile := map[imageName]int{}, map[string]int{}
	for i, img := range s.Images {
		at := fmt.Sprintf("images[%d]", i)
		if other, twice := byName[img.Name]; twice && img.Name != "" {
			errs = append(errs, plan.At(at+".name", fmt.Errorf("images[%d] also has the name %q", other, img.Name)))
		}
		byName[img.Name] = i
		file := filepath.Base(string(img.File))
		if other, twice := byFile[file]; twice && img.File != "" && s.toDirectory() != "" {
			errs = append(errs, plan.At(at+".file", fmt.Errorf("images[%d] would also become the file %s", other, file)))
		}
		byFile[file] = i
		errs = append(errs, img.validate(at)...)
	}
	return append(errs, s.validateLinks()...)
}

func (img uploadedImage) validate(at string) []error {
	errs := []error{
		plan.At(at+".disk_format", setting.OneOf(img.DiskFormat, "raw", "qcow2", "aki", "ari", "ami", "iso", "vmdk", "vdi", "vhd", "vhdx", "ploop")),
		plan.At(at+".container_format", setting.OneOf(img.ContainerFormat, "bare", "ami", "aki", "ari", "ovf", "ova", "docker")),
		plan.At(at+".visibility", setting.OneOf(img.Visibility, "public", "private", "shared", "community")),
	}
	if len(img.Name) > 255-len("_20180709T184318Z") {
		errs = append(errs, plan.At(at+".name", errors.New("it is too long: an image's name has at most 255 characters, with the time that it gets when another takes its place")))
	}
	for field, n := range map[string]int{"min_disk": img.MinDisk, "min_ram": img.MinRAM} {
		if n < 0 {
			errs = append(errs, plan.At(at+"."+field, fmt.Errorf("%d is less than 0", n)))
		}
	}
	if link := cmp.Or(img.Kernel, img.Ramdisk); link != "" && (img.DiskFormat == "aki" || img.DiskFormat == "ari") {
		errs = append(errs, plan.At(at+".disk_format", fmt.Errorf("%s is a kernel or a ramdisk itself, and cannot have %q as its own", img.DiskFormat, link)))
	}
	for name := range img.Properties {
		if problem := reservedProperty(name); problem != "" {
			errs = append(errs, plan.At(at+".properties."+name, errors.New(problem)))
		}
	}
	return errs
}

// reservedProperty says why a plan cannot set a property; "" if it can.
func reservedProperty(name string) string {
	switch {
	case name == "kernel_id" || name == "ramdisk_id":
		return "name the image as " + strings.TrimSuffix(name, "_id") + ": its id is not known before"
	case strings.HasPrefix(name, "bayplan_"):
		return "properties that begin with bayplan_ are bayplan's own"
	case strings.HasPrefix(name, "os_glance_"), slices.Contains([]string{
		"id", "name", "status", "size", "checksum", "visibility", "disk_format", "container_format", "min_disk", "min_ram",
		"created_at", "updated_at", "owner", "protected", "tags", "self", "file", "schema", "os_hash_algo", "os_hash_value", "os_hidden", "stores", "virtual_size",
	}, name):
		return "this is not a property that a plan can set"
	}
	return ""
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// validateLinks finds kernels and ramdisks that are not in the list, or have the wrong
// format.
func (s *glanceUpload) validateLinks() []error {
	formats := map[string]string{}
	var names []string
	for _, img := range s.Images {
		formats[string(img.Name)] = img.DiskFormat
		names = append(names, string(img.Name))
	}
	var errs []error
	for i, img := range s.Images {
		for _, link := range []struct{ field, name, format string }{{"kernel", img.Kernel, "aki"}, {"ramdisk", img.Ramdisk, "ari"}} {
			at := fmt.Sprintf("images[%d].%s", i, link.field)
			format, there := formats[link.name]
			switch {
			case link.name == "":
			case !there && slices.Contains(names, ""): // it may be the name that is not known yet
			case !there:
				errs = append(errs, plan.At(at, setting.WithSuggestion(fmt.Errorf("no image of the list is named %q", link.name), link.name, without(names, string(img.Name)))))
			case format != "" && format != link.format:
				errs = append(errs, plan.At(at, fmt.Errorf("%q is %s, and a %s has to be %s", link.name, format, link.field, link.format)))
			}
		}
	}
	return errs
}

// imageNames gives the names of all images. A name that is not known yet is "".
func (s *glanceUpload) imageNames() []string {
	var names []string
	for _, img := range s.diskImages() {
		names = append(names, img.Name)
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// imageFiles gives the files of all images, "" for one that is not known yet.
func (s *glanceUpload) imageFiles() []string {
	var files []string
	for _, img := range s.diskImages() {
		if file := img.File; filepath.IsAbs(file) {
			files = append(files, file)
		} else { // from is not known yet
			files = append(files, "")
		}
	}
	return files
}
