package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/glance"
)

// glanceUpload brings the images of an overcloud into a cloud's image service
// and the agent's into the directory that nodes boot from. An image whose
// content is in the cloud already, by its digest, in the right disk format, is
// left alone; only its visibility and the ids of its kernel and ramdisk are set
// right. Another one is uploaded under a name of its own first,
// NAME.bayplan-upload; once it is whole the old image becomes NAME_TIME and the
// new one NAME. Old images are kept.
type glanceUpload struct {
	// Cloud to upload to, a name under connections.clouds.
	Cloud string `json:"cloud"`
	// Directory that holds the image files: overcloud-full.qcow2, overcloud-full.vmlinuz, overcloud-full.initrd, ironic-python-agent.kernel and ironic-python-agent.initramfs.
	From plan.Path `json:"from"`
	// Directory that nodes boot from: gets agent.kernel and agent.ramdisk. Without it they are placed nowhere.
	HTTPBoot plan.Path `json:"http_boot,omitempty"`
	// File of the overcloud image; the images' names and the names of its kernel and ramdisk files follow from it.
	OSImageName string `json:"os_image_name,omitempty" jsonschema:"default=overcloud-full.qcow2"`
	// Name of the agent's files, without .kernel and .initramfs.
	IronicPythonAgentName string `json:"ironic_python_agent_name,omitempty" jsonschema:"default=ironic-python-agent"`

	out clouds
}

// clouds is what the step needs of the outside world.
type clouds interface {
	CloudKnown(name string) error
	Cloud(ctx context.Context, name string) (*glance.Client, error)
}

func glanceUploadType(out *Outside) runner.Type {
	return runner.Type{
		Name: "glance-upload",
		Outputs: []runner.Output{
			{Name: "image_id", Doc: "Id of the overcloud image."},
			{Name: "kernel_id", Doc: "Id of the overcloud image's kernel, as its property kernel_id has it."},
			{Name: "ramdisk_id", Doc: "Id of the overcloud image's ramdisk, as its property ramdisk_id has it."},
			{Name: "deploy_kernel_id", Doc: "Id of bm-deploy-kernel, for a node's deploy_kernel."},
			{Name: "deploy_ramdisk_id", Doc: "Id of bm-deploy-ramdisk, for a node's deploy_ramdisk."},
			{Name: "images", Doc: "Names of all the images.", List: true},
		},
		New: func() runner.Step { return newGlanceUpload(out) },
	}
}

func newGlanceUpload(out clouds) *glanceUpload {
	return &glanceUpload{OSImageName: defaultOSImage, IronicPythonAgentName: defaultAgent, out: out}
}

// What the files are called when the plan does not say, or says "".
const (
	defaultOSImage = "overcloud-full.qcow2"
	defaultAgent   = "ironic-python-agent"
)

func (s *glanceUpload) osImage() string { return cmp.Or(s.OSImageName, defaultOSImage) }
func (s *glanceUpload) agent() string   { return cmp.Or(s.IronicPythonAgentName, defaultAgent) }

// The names of the agent's images, which nodes are registered with.
const (
	deployKernel  = "bm-deploy-kernel"
	deployRamdisk = "bm-deploy-ramdisk"
)

// A diskImage is an image and the file that it is made of.
type diskImage struct {
	Name    string
	File    string // in the step's From
	Disk    string // disk format
	Kernel  string // name of the image whose id becomes kernel_id
	Ramdisk string // name of the image whose id becomes ramdisk_id
	Output  string // the output that gives its id
}

// diskImages are the images of the step, each after those it names.
func (s *glanceUpload) diskImages() []diskImage {
	stem, _, _ := strings.Cut(s.osImage(), ".")
	vmlinuz, initrd := stem+"-vmlinuz", stem+"-initrd"
	return []diskImage{
		{Name: vmlinuz, File: stem + ".vmlinuz", Disk: "aki", Output: "kernel_id"},
		{Name: initrd, File: stem + ".initrd", Disk: "ari", Output: "ramdisk_id"},
		{Name: stem, File: stem + ".qcow2", Disk: "qcow2", Kernel: vmlinuz, Ramdisk: initrd, Output: "image_id"},
		{Name: deployKernel, File: s.agent() + ".kernel", Disk: "aki", Output: "deploy_kernel_id"},
		{Name: deployRamdisk, File: s.agent() + ".initramfs", Disk: "ari", Output: "deploy_ramdisk_id"},
	}
}

// bootFiles are the files that nodes boot from, and what they are made of. The
// agent's initramfs is a ramdisk to those who boot it.
func (s *glanceUpload) bootFiles() [][2]string {
	if s.HTTPBoot == "" {
		return nil
	}
	return [][2]string{
		{s.agent() + ".kernel", filepath.Join(string(s.HTTPBoot), "agent.kernel")},
		{s.agent() + ".initramfs", filepath.Join(string(s.HTTPBoot), "agent.ramdisk")},
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._+-]*$`)

// Validate tells what can be told without looking.
func (s *glanceUpload) Validate() error {
	var errs []error
	if s.Cloud != "" {
		errs = append(errs, plan.At("cloud", s.out.CloudKnown(s.Cloud)))
	}
	errs = append(errs, plan.At("os_image_name", checkImageName(s.OSImageName)))
	if name := s.IronicPythonAgentName; name != "" && !plainName.MatchString(name) {
		errs = append(errs, plan.At("ironic_python_agent_name", fmt.Errorf("%q is not a plain file name", name)))
	}
	return errors.Join(errs...)
}

// checkImageName refuses names about which the tools of the field disagree:
// director's upload takes a.b.qcow2 for a.qcow2, its later releases for
// a.b.qcow2.
func checkImageName(name string) error {
	stem, ext, _ := strings.Cut(name, ".")
	switch {
	case name == "":
		return nil
	case !plainName.MatchString(name):
		return fmt.Errorf("%q is not a plain file name", name)
	case ext != "qcow2":
		return fmt.Errorf("%q is not a name followed by .qcow2, as in %s.qcow2", name, stem)
	case stem == deployKernel || stem == deployRamdisk:
		return fmt.Errorf("the image would be named %q, as one of the agent's is", stem)
	}
	return nil
}

// Paths are the image files, and the two files in the boot directory.
func (s *glanceUpload) Paths() runner.Paths {
	var p runner.Paths
	if s.From == "" {
		return p
	}
	for _, img := range s.diskImages() {
		p.Reads = append(p.Reads, filepath.Join(string(s.From), img.File))
	}
	for _, f := range s.bootFiles() {
		p.Writes = append(p.Writes, f[1])
	}
	return p
}

// Inputs are the contents of the image files.
func (s *glanceUpload) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	files, err := s.measure(ctx, w)
	if err != nil {
		return nil, err
	}
	var in []runner.Input
	for _, img := range s.diskImages() {
		in = append(in, runner.Input{Name: img.File, Digest: "sha512:" + files[img.File].SHA512})
	}
	return in, nil
}

// Diff compares the files with the images of the cloud and with the copies in
// the boot directory.
func (s *glanceUpload) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	seen, err := s.survey(ctx, w)
	if err != nil {
		return nil, err
	}
	items := seen.items()
	if len(items) == 0 {
		return &runner.Finding{Outputs: seen.outputs()}, nil
	}
	if err := seen.checkHeaders(w); err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: seen.outputs(), Change: &runner.Change{
		Summary: seen.summary(),
		Items:   items,
		Files:   seen.files(w),
		Apply:   seen.apply,
	}}, nil
}

// Verify looks at all of it again.
func (s *glanceUpload) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	seen, err := s.survey(ctx, w)
	if err != nil {
		return nil, err
	}
	return seen.outputs(), seen.problems()
}
