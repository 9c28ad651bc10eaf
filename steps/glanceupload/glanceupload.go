// Package glanceupload is the step type glance-upload. It uploads images to a cloud's
// image service, or copies them into a directory that is used instead of one, and copies
// boot files into the directory that nodes boot from. How images get into a cloud is in
// internal/glance; this package decides which images with which attributes.
package glanceupload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// glanceUpload brings the images of an overcloud, or any others, into a cloud's
// image service, or into a directory that stands in for one, and the agent's
// into the directory that nodes boot from. An image whose content is there
// already, by its digest, in the right disk format, is left alone; only its
// visibility, its properties and the ids of its kernel and ramdisk are set
// right. Another one is uploaded under a name of its own first,
// NAME.bayplan-upload; once it is whole the old image becomes NAME_TIME and the
// new one NAME. Before anything is sent each file is looked at: a disk image
// that reaches for other files, that is cut off or is not what it is called, and a
// kernel or ramdisk that is none, is refused.
type glanceUpload struct {
	// Cloud to upload to, a name under connections.clouds.
	Cloud *string `json:"cloud,omitempty"`
	// In place of cloud, {directory: DIR}: the images become files there, under the names that they
	// have in from, as for an undercloud without an image service. With architecture they come into
	// a directory of that name below it. What is replaced becomes NAME_TIME with the ending that it
	// had.
	To *imageDirectory `json:"to,omitempty"`
	// Directory that holds a release's image files, such as overcloud-full.qcow2,
	// overcloud-full.vmlinuz, overcloud-full.initrd, ironic-python-agent.kernel and
	// ironic-python-agent.initramfs.
	From *plan.Path `json:"from,omitempty"`
	// Release whose images are in from. rhosp13 and queens: the overcloud image, its kernel and
	// ramdisk, and the agent's as bm-deploy-kernel and bm-deploy-ramdisk. Later ones: without the
	// agent's; from rhosp17.1 and wallaby on the overcloud image is overcloud-hardened-uefi-full,
	// which is a whole disk.
	Release string `json:"release,omitempty" jsonschema:"enum=rhosp13,enum=queens,enum=rhosp16.2,enum=rhosp16,enum=train,enum=rhosp17.1,enum=rhosp17,enum=wallaby,default=rhosp13"`
	// Directory that nodes boot from: gets agent.kernel and agent.ramdisk. Without it they are
	// placed nowhere.
	HTTPBoot plan.Path `json:"http_boot,omitempty"`
	// File of the overcloud image; the images' names and the names of its kernel and ramdisk files
	// follow from it. Default: the release's, overcloud-full.qcow2 or
	// overcloud-hardened-uefi-full.qcow2.
	OSImageName string `json:"os_image_name,omitempty"`
	// Name of the agent's files, without .kernel and .initramfs.
	IronicPythonAgentName string `json:"ironic_python_agent_name,omitempty" jsonschema:"default=ironic-python-agent"`
	// The overcloud image is a whole disk, with its own boot loader: no kernel and no ramdisk go
	// with it. It always is one when it is called overcloud-hardened-uefi-full.
	WholeDisk bool `json:"whole_disk,omitempty"`
	// Architecture that the images are for, such as ppc64le: goes before their names, as in
	// ppc64le-overcloud-full, and becomes their property hw_architecture.
	Architecture string `json:"architecture,omitempty"`
	// Platform that the images are for, such as SNB: goes before the architecture, which it needs,
	// and becomes the property tripleo_platform.
	Platform string `json:"platform,omitempty"`
	// In place of from, any other images: all that is to be known of each.
	Images []uploadedImage `json:"images,omitempty" jsonschema:"minItems=1"`
	// Upload qcow2 images as the raw disks that they stand for. They are unpacked on the way, no
	// second file is made.
	Convert string `json:"convert,omitempty" jsonschema:"enum=raw"`
	// What becomes of an image that gives way to another: rename leaves it under the name
	// NAME_TIME, replace deletes it once the new one has its place, and those that were renamed
	// before, too.
	UpdateExisting string `json:"update_existing,omitempty" jsonschema:"enum=rename,enum=replace,default=rename"`
	// With update_existing: replace, how many of the older images stay, the newest ones. In a
	// directory only what is as the last run left it becomes one of them: anything else becomes
	// NAME_TIME-unrecorded, is not counted and stays.
	Keep int `json:"keep,omitempty" jsonschema:"minimum=0,default=0"`

	clouds   clouds
	applying bool
}

// An imageDirectory is a directory of image files.
type imageDirectory struct {
	// Directory of the image files, such as /var/lib/ironic/images. It is made when it is not
	// there.
	Directory plan.Path `json:"directory"`
}

// An uploadedImage is one image of a plan's own.
type uploadedImage struct {
	// Name of the image.
	Name imageName `json:"name" jsonschema:"minLength=1"`
	// File that it is made of.
	File plan.Path `json:"file"`
	// Format of the file: aki is a kernel, ari a ramdisk.
	DiskFormat string `json:"disk_format" jsonschema:"enum=raw,enum=qcow2,enum=aki,enum=ari,enum=ami,enum=iso,enum=vmdk,enum=vdi,enum=vhd,enum=vhdx,enum=ploop"`
	// Format of what is around it.
	ContainerFormat string `json:"container_format,omitempty" jsonschema:"enum=bare,enum=ami,enum=aki,enum=ari,enum=ovf,enum=ova,enum=docker,default=bare"`
	// Who may use the image. Only an administrator of the cloud may make one public.
	Visibility string `json:"visibility,omitempty" jsonschema:"enum=public,enum=private,enum=shared,enum=community,default=public"`
	// Properties that it is to have, besides any others.
	Properties map[string]string `json:"properties,omitempty"`
	// Least disk of a machine that uses it, in GiB.
	MinDisk int `json:"min_disk,omitempty" jsonschema:"minimum=0"`
	// Least memory of a machine that uses it, in MiB.
	MinRAM int `json:"min_ram,omitempty" jsonschema:"minimum=0"`
	// Name of the image of this list that is its kernel: its id becomes the property kernel_id.
	Kernel string `json:"kernel,omitempty"`
	// Name of the image of this list that is its ramdisk: its id becomes the property ramdisk_id.
	Ramdisk string `json:"ramdisk,omitempty"`
}

// An imageName is a name that is not empty. Decoding refuses an empty one, because
// Validate cannot distinguish it from a name that is not known yet.
type imageName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *imageName) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("an image needs a name, this one is empty")
	}
	*n = imageName(text)
	return nil
}

// clouds is what the step needs from the plan's connections.
type clouds interface {
	// CheckCloud gives an error when there is no connection of that name.
	CheckCloud(name string) error
	// CloudPlace gives what is the same for all connections to the images of one project.
	CloudPlace(name string) string
	// Cloud logs in to a cloud.
	Cloud(ctx context.Context, name string) (*glance.Client, error)
}

// Type gives the step type glance-upload.
func Type(c clouds) runner.Type {
	return runner.Type{
		Name: "glance-upload",
		Outputs: []runner.Output{
			{Name: "image_id", Doc: "Id of the overcloud image; in a directory its file:// URL."},
			{Name: "kernel_id", Doc: "Id of the overcloud image's kernel, as its property kernel_id has it."},
			{Name: "ramdisk_id", Doc: "Id of the overcloud image's ramdisk, as its property ramdisk_id has it."},
			{Name: "deploy_kernel_id", Doc: "Id of bm-deploy-kernel, for a node's deploy_kernel."},
			{Name: "deploy_ramdisk_id", Doc: "Id of bm-deploy-ramdisk, for a node's deploy_ramdisk."},
			{Name: "images", Doc: "Names of all the images.", List: true, Made: true},
			{Name: "ids", Doc: "Ids of all the images, in the same order.", List: true},
			{Name: "digests", Doc: "Names of all the images with the digests of what is stored, NAME@sha512:HEX, in the same order.", List: true},
		},
		New: func() runner.Step { return newGlanceUpload(c) },
	}
}

func newGlanceUpload(c clouds) *glanceUpload {
	return &glanceUpload{Release: defaultImageRelease, IronicPythonAgentName: defaultAgent, UpdateExisting: "rename", clouds: c}
}

// defaultAgent is the name of the agent's files if the plan does not set it, or sets "".
const defaultAgent = "ironic-python-agent"

// cloud, toDirectory and from are "" if they are not set or not known yet. The fields
// distinguish the two: nil is not set, and a pointer to "" is an output of a step that
// has not run.
func (s *glanceUpload) cloud() string { return setting.Text(s.Cloud) }

func (s *glanceUpload) toDirectory() string {
	if s.To == nil {
		return ""
	}
	return string(s.To.Directory)
}

func (s *glanceUpload) from() string { return string(setting.Text(s.From)) }

func (s *glanceUpload) agentName() string { return cmp.Or(s.IronicPythonAgentName, defaultAgent) }

// bootFiles gives pairs of a source file and the file that nodes boot from. The agent's
// initramfs is called a ramdisk there.
func (s *glanceUpload) bootFiles() [][2]string {
	if s.HTTPBoot == "" || s.from() == "" {
		return nil
	}
	return [][2]string{
		{s.source(s.agentName() + ".kernel"), filepath.Join(string(s.HTTPBoot), "agent.kernel")},
		{s.source(s.agentName() + ".initramfs"), filepath.Join(string(s.HTTPBoot), "agent.ramdisk")},
	}
}

// source gives the path of a file in from.
func (s *glanceUpload) source(file string) string { return filepath.Join(s.from(), file) }

// Validate implements runner.Validator.
func (s *glanceUpload) Validate() error {
	var errs []error
	if s.cloud() != "" {
		errs = append(errs, plan.At("cloud", s.clouds.CheckCloud(s.cloud())))
	}
	errs = append(errs, s.validateEnds()...)
	errs = append(errs, plan.At("convert", setting.OneOf(s.Convert, "", "raw")),
		plan.At("update_existing", setting.OneOf(s.UpdateExisting, "", "rename", "replace")))
	switch {
	case s.Keep < 0:
		errs = append(errs, plan.At("keep", fmt.Errorf("%d is less than 0", s.Keep)))
	case s.Keep > 0 && !s.replaces():
		errs = append(errs, plan.At("keep", errors.New("all older images stay, unless update_existing is replace")))
	}
	if len(s.Images) > 0 {
		errs = append(errs, s.validateImages()...)
	} else {
		errs = append(errs, s.validateRelease()...)
	}
	return errors.Join(errs...)
}

var (
	errNoPlace  = errors.New("nothing says where the images go: set cloud, or to: {directory: DIR}")
	errNoImages = errors.New("nothing says what the images are: set from, or images")
)

// validateEnds finds out whether the plan says where the images come from and where they
// go.
func (s *glanceUpload) validateEnds() []error {
	if s.Cloud == nil && s.To == nil && s.From == nil && s.Images == nil {
		return nil // nothing of the step is known yet; checkComplete reports it
	}
	var errs []error
	switch {
	case s.Cloud == nil && s.To == nil:
		errs = append(errs, errNoPlace)
	case s.Cloud != nil && s.To != nil:
		errs = append(errs, plan.At("to", errors.New("the images go to the cloud or to a directory, not to both")))
	}
	switch empty := s.Images != nil && len(s.Images) == 0; {
	case empty && s.From == nil:
		errs = append(errs, plan.At("images", errNoImages))
	case empty:
		errs = append(errs, plan.At("images", errors.New("names no image")))
	case s.From == nil && s.Images == nil:
		errs = append(errs, errNoImages)
	}
	return errs
}

func (s *glanceUpload) replaces() bool { return s.UpdateExisting == "replace" }

// Paths implements runner.Pather. It gives the image files and the two files in the boot
// directory.
func (s *glanceUpload) Paths() runner.Paths {
	var p runner.Paths
	p.Reads = s.sources()
	for _, f := range s.bootFiles() {
		p.Writes = append(p.Writes, f[1])
	}
	if dir := s.toDirectory(); dir != "" {
		p.Into = []string{dir}
	}
	if s.Cloud != nil {
		p.Asks = []runner.Server{{Kind: runner.CloudServer, Name: s.cloud(), Field: "cloud"}}
	}
	if s.cloud() != "" {
		p.Fills = []runner.Place{{
			Where: runner.Where{Kind: runner.CloudServer, Name: s.cloud()}, Identity: s.clouds.CloudPlace(s.cloud()),
			Names: s.imageNames(), Contents: s.imageFiles(), Field: "images",
		}}
	}
	return p
}

// BeforeApply implements runner.BeforeApplier: a file that must be uploaded anyway is
// hashed while it is sent.
func (s *glanceUpload) BeforeApply() { s.applying = true }

// Inputs implements runner.Step. The inputs are the contents of the image files.
func (s *glanceUpload) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	if err := s.checkComplete(); err != nil {
		return nil, err
	}
	files, err := s.statFiles(w)
	if err != nil {
		return nil, err
	}
	var in []runner.Input
	for _, path := range s.sources() {
		sum, err := s.inputSum(ctx, files[path])
		if err != nil {
			return nil, err
		}
		in = append(in, runner.Input{Name: s.inputName(path), Digest: sum})
	}
	return in, nil
}

// inputSum gives a file's digest, or "" if Apply will hash it while it is sent.
func (s *glanceUpload) inputSum(ctx context.Context, file imageFile) (string, error) {
	if !s.applying {
		sum, err := file.SHA512(ctx)
		return checksum.Text("sha512", sum), err
	}
	return checksum.Text("sha512", file.RecallSHA512()), nil
}

// inputName gives the name of an image file as an input: that of a file in from is its
// file name.
func (s *glanceUpload) inputName(path string) string {
	if s.from() != "" {
		return filepath.Base(path)
	}
	return path
}

// checkComplete finds settings that are missing or empty when everything is known.
func (s *glanceUpload) checkComplete() error {
	switch {
	case s.cloud() == "" && s.toDirectory() == "":
		return errNoPlace
	case s.from() == "" && len(s.Images) == 0:
		return errNoImages
	case s.Platform != "" && s.Architecture == "":
		return errors.New("platform needs architecture: set architecture")
	}
	for _, img := range s.Images {
		for name, value := range img.Properties {
			if value == "" {
				return fmt.Errorf("the property %q of image %q is empty", name, img.Name)
			}
		}
	}
	return nil
}

// Diff compares the files with the present images and with the copies in the boot
// directory.
func (s *glanceUpload) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	found, err := s.survey(ctx, w, prior)
	s.applying = false // Inputs that are asked for after Diff need every digest
	if err != nil {
		return nil, err
	}
	finding := &runner.Finding{Outputs: found.outputs(), Fills: found.fills(nil), Notes: found.notes()}
	items := found.items()
	if len(items) == 0 {
		return finding, nil
	}
	if err := found.checkFiles(); err != nil {
		return nil, err
	}
	finding.Change = &runner.Change{
		Summary: found.summary(),
		Items:   items,
		Files:   found.files(),
		// The outputs are confirmed: every image was compared, as the cloud shows it, with
		// what was sent, and every file was hashed while it was written.
		Apply: func(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
			outputs, err := found.apply(ctx, p)
			if err == nil {
				found.written().remember(w)
				finding.Fills = found.fills(outputs)
			}
			return outputs, err
		},
	}
	return finding, nil
}

// Verify compares everything again.
func (s *glanceUpload) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	if err := s.checkComplete(); err != nil {
		return nil, err
	}
	found, err := s.survey(ctx, w, nil)
	if err != nil {
		return nil, err
	}
	return found.outputs(), found.problems()
}
