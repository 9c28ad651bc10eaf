package glanceupload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// An imageRelease says what director's image upload of a release does.
type imageRelease struct {
	names []string // its names in plans
	image string   // file of the overcloud image
	// lastDot: the images are named after that file's name up to its last dot, as in
	// later releases. Earlier ones stop at the first dot.
	lastDot bool
	// deploy: the agent's kernel and ramdisk become images, too. In later releases nodes
	// only get them from the directory that they boot from.
	deploy bool
	// plainX86: x86_64 without a platform is not put before names.
	plainX86 bool
}

const defaultImageRelease = "rhosp13"

// wholeDiskImage is the file of an overcloud image that has its own boot loader.
const wholeDiskImage = "overcloud-hardened-uefi-full.qcow2"

func imageReleases() []imageRelease {
	const partition = "overcloud-full.qcow2"
	return []imageRelease{
		{names: []string{"rhosp13", "queens"}, image: partition, deploy: true},
		{names: []string{"rhosp16.2", "rhosp16", "train"}, image: partition, lastDot: true, plainX86: true},
		{names: []string{"rhosp17.1", "rhosp17", "wallaby"}, image: wholeDiskImage, lastDot: true, plainX86: true},
	}
}

// findImageRelease gives the release of a name; "" means the default one.
func findImageRelease(name string) (imageRelease, error) {
	name = cmp.Or(name, defaultImageRelease)
	var names []string
	for _, r := range imageReleases() {
		if slices.Contains(r.names, name) {
			return r, nil
		}
		names = append(names, r.names...)
	}
	return imageRelease{}, setting.WithSuggestion(fmt.Errorf("unknown release %q; known are %s", name, strings.Join(names, ", ")), name, names)
}

// stem splits a file name into the part after which images are named, and the ending.
func (r imageRelease) stem(file string) (stem, ext string) {
	at := strings.Index(file, ".")
	if r.lastDot {
		at = strings.LastIndex(file, ".")
	}
	if at < 0 {
		return file, ""
	}
	return file[:at], file[at+1:]
}

// The names of the agent's images, which nodes are registered with.
const (
	deployKernel  = "bm-deploy-kernel"
	deployRamdisk = "bm-deploy-ramdisk"
)

// releaseImages gives the images of the release, each after its kernel and ramdisk.
func (s *glanceUpload) releaseImages() []diskImage {
	r, err := findImageRelease(s.Release)
	if err != nil || s.from() == "" {
		return nil // Validate reports it, or it is not known yet
	}
	file := cmp.Or(s.OSImageName, r.image)
	stem, ext := r.stem(file)
	vmlinuz, initrd := stem+"-vmlinuz", stem+"-initrd"
	full := diskImage{Name: stem, File: s.source(file), Disk: ext, Output: "image_id"}
	var images []diskImage
	if !s.isWholeDisk(file) {
		images = append(images,
			diskImage{Name: vmlinuz, File: s.source(stem + ".vmlinuz"), Disk: "aki", Output: "kernel_id"},
			diskImage{Name: initrd, File: s.source(stem + ".initrd"), Disk: "ari", Output: "ramdisk_id"})
		full.Kernel, full.Ramdisk = vmlinuz, initrd
	}
	images = append(images, full)
	if r.deploy {
		images = append(images,
			diskImage{Name: deployKernel, File: s.source(s.agentName() + ".kernel"), Disk: "aki", Output: "deploy_kernel_id"},
			diskImage{Name: deployRamdisk, File: s.source(s.agentName() + ".initramfs"), Disk: "ari", Output: "deploy_ramdisk_id"})
	}
	prefix := s.prefix(r)
	for i := range images {
		img := &images[i]
		img.Container, img.Visibility = "bare", "public"
		img.Properties = s.hardware()
		img.prefix(prefix)
	}
	return images
}

func (s *glanceUpload) isWholeDisk(file string) bool { return s.WholeDisk || file == wholeDiskImage }

// prefix gives the text that goes before the names of images for an architecture.
func (s *glanceUpload) prefix(r imageRelease) string {
	switch {
	case s.Architecture == "", r.plainX86 && s.Architecture == "x86_64" && s.Platform == "":
		return ""
	case s.Platform == "":
		return s.Architecture + "-"
	}
	return s.Platform + "-" + s.Architecture + "-"
}

// hardware gives the properties by which images are selected for nodes.
func (s *glanceUpload) hardware() map[string]string {
	p := map[string]string{}
	if s.Architecture != "" {
		p["hw_architecture"] = s.Architecture
	}
	if s.Platform != "" {
		p["tripleo_platform"] = s.Platform
	}
	return p
}

// validateRelease finds mistakes in the settings of a release's images.
func (s *glanceUpload) validateRelease() []error {
	r, err := findImageRelease(s.Release)
	errs := []error{plan.At("release", err)}
	if err == nil {
		errs = append(errs, plan.At("os_image_name", r.checkImageName(s.OSImageName)))
	}
	errs = append(errs, plan.At("ironic_python_agent_name", setting.CheckPlainName(s.IronicPythonAgentName)))
	for field, word := range map[string]string{"architecture": s.Architecture, "platform": s.Platform} {
		if word != "" && !setting.IsPlainName(word) {
			errs = append(errs, plan.At(field, fmt.Errorf("%q cannot be a part of an image's name", word)))
		}
	}
	return errs
}

// checkImageName refuses a name that is not of a disk image. It also refuses names that
// director misreads: releases that stop at the first dot look for a.b.qcow2, but then
// upload a.qcow2.
func (r imageRelease) checkImageName(name string) error {
	stem, ext := r.stem(name)
	switch {
	case name == "":
		return nil
	case !setting.IsPlainName(name):
		return setting.CheckPlainName(name)
	case !r.lastDot && ext != "qcow2":
		return fmt.Errorf("%q is not a name followed by .qcow2, as in %s.qcow2", name, stem)
	case ext != "qcow2" && ext != "raw":
		return fmt.Errorf("%q is not a name followed by .qcow2 or .raw, as in %s.qcow2", name, stem)
	case stem == deployKernel || stem == deployRamdisk:
		return fmt.Errorf("the image would be named %q, as one of the agent's is", stem)
	}
	return nil
}
