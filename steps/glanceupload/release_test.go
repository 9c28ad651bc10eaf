package glanceupload

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// What director's upload makes of its settings, release by release: name, disk
// format, file, and what goes with it.
func TestGlanceUploadReleases(t *testing.T) {
	five := []string{
		"overcloud-full-vmlinuz aki overcloud-full.vmlinuz", "overcloud-full-initrd ari overcloud-full.initrd",
		"overcloud-full qcow2 overcloud-full.qcow2 with overcloud-full-vmlinuz and overcloud-full-initrd",
		"bm-deploy-kernel aki ironic-python-agent.kernel", "bm-deploy-ramdisk ari ironic-python-agent.initramfs",
	}
	for _, tc := range []struct {
		name   string
		change func(*glanceUpload)
		want   []string
	}{
		{"by default", func(*glanceUpload) {}, five},
		{"rhosp13", func(s *glanceUpload) { s.Release = "rhosp13" }, five},
		{"queens", func(s *glanceUpload) { s.Release = "queens" }, five},
		{"rhosp16.2", func(s *glanceUpload) { s.Release = "rhosp16.2" }, five[:3]},
		{"train", func(s *glanceUpload) { s.Release = "train" }, five[:3]},
		{"rhosp17.1", func(s *glanceUpload) { s.Release = "rhosp17.1" }, []string{"overcloud-hardened-uefi-full qcow2 overcloud-hardened-uefi-full.qcow2"}},
		{"rhosp17.1 with partitions", func(s *glanceUpload) { s.Release, s.OSImageName = "rhosp17.1", "overcloud-full.qcow2" }, five[:3]},
		{"rhosp13 with a whole disk", func(s *glanceUpload) { s.WholeDisk = true }, []string{"overcloud-full qcow2 overcloud-full.qcow2", five[3], five[4]}},
		{"rhosp13 with the hardened image", func(s *glanceUpload) { s.OSImageName = wholeDiskImage }, []string{"overcloud-hardened-uefi-full qcow2 overcloud-hardened-uefi-full.qcow2", five[3], five[4]}},
		{"wallaby up to the last dot", func(s *glanceUpload) { s.Release, s.OSImageName, s.WholeDisk = "wallaby", "a.b.qcow2", true }, []string{"a.b qcow2 a.b.qcow2"}},
		{"wallaby, raw", func(s *glanceUpload) { s.Release, s.OSImageName, s.WholeDisk = "wallaby", "full.raw", true }, []string{"full raw full.raw"}},
		{"another architecture", func(s *glanceUpload) { s.Architecture, s.Release = "ppc64le", "train" }, []string{
			"ppc64le-overcloud-full-vmlinuz aki overcloud-full.vmlinuz hw_architecture=ppc64le",
			"ppc64le-overcloud-full-initrd ari overcloud-full.initrd hw_architecture=ppc64le",
			"ppc64le-overcloud-full qcow2 overcloud-full.qcow2 with ppc64le-overcloud-full-vmlinuz and ppc64le-overcloud-full-initrd hw_architecture=ppc64le",
		}},
		{"x86_64 in queens", func(s *glanceUpload) { s.Architecture, s.WholeDisk = "x86_64", true }, []string{
			"x86_64-overcloud-full qcow2 overcloud-full.qcow2 hw_architecture=x86_64",
			"x86_64-bm-deploy-kernel aki ironic-python-agent.kernel hw_architecture=x86_64",
			"x86_64-bm-deploy-ramdisk ari ironic-python-agent.initramfs hw_architecture=x86_64",
		}},
		{"x86_64 in train", func(s *glanceUpload) { s.Architecture, s.WholeDisk, s.Release = "x86_64", true, "train" }, []string{
			"overcloud-full qcow2 overcloud-full.qcow2 hw_architecture=x86_64",
		}},
		{"a platform", func(s *glanceUpload) {
			s.Architecture, s.Platform, s.WholeDisk, s.Release = "x86_64", "SNB", true, "train"
		}, []string{"SNB-x86_64-overcloud-full qcow2 overcloud-full.qcow2 hw_architecture=x86_64 tripleo_platform=SNB"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newGlanceUpload(&testbed.Cloud{})
			s.Cloud, s.From = new("undercloud"), new(plan.Path("/images"))
			tc.change(s)
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, img := range s.diskImages() {
				line := fmt.Sprintf("%s %s %s", img.Name, img.Disk, strings.TrimPrefix(img.File, "/images/"))
				if img.Kernel+img.Ramdisk != "" {
					line += fmt.Sprintf(" with %s and %s", img.Kernel, img.Ramdisk)
				}
				for _, key := range []string{"hw_architecture", "tripleo_platform"} {
					if v := img.Properties[key]; v != "" {
						line += " " + key + "=" + v
					}
				}
				if img.Container != "bare" || img.Visibility != "public" {
					t.Errorf("%s is %s and %s", img.Name, img.Container, img.Visibility)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever release and settings, an apply ends with what is wanted.
func TestGlanceUploadOfOtherReleases(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(b *glanceBench)
		want   string // summary
	}{
		{"partitions", func(b *glanceBench) { b.Release = "rhosp16.2" }, "3 images (49.0 KiB) to upload, 2 boot files to place"},
		{"a whole disk", func(b *glanceBench) { b.Release = "rhosp17.1"; b.HTTPBoot = "" }, "1 image (24.0 KiB) to upload"},
		{"for a platform", func(b *glanceBench) { b.Architecture, b.Platform = "x86_64", "SNB" }, "5 images (74.1 KiB) to upload, 2 boot files to place"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newGlanceBench(t)
			steptest.PutFile(t, b.dir+"/images/"+wholeDiskImage, testbed.QCOW2("whole"))
			tc.change(b)
			if c := steptest.Diff(t, b, &runner.Disk{}); c == nil || c.Summary != tc.want {
				t.Fatalf("got %+v, want %s", c, tc.want)
			}
			steptest.Apply(t, b)
			if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
				t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
			}
			all := b.all(t)
			for _, img := range b.diskImages() {
				got := all[img.Name]
				if got.Status != "active" || got.Properties["hw_architecture"] != b.Architecture || got.Properties["tripleo_platform"] != b.Platform {
					t.Errorf("%s is %+v", img.Name, got)
				}
				if img.Kernel != "" && got.Properties["kernel_id"] != all[img.Kernel].ID {
					t.Errorf("%s has the kernel %q", img.Name, got.Properties["kernel_id"])
				}
			}
			out, err := b.Verify(t.Context(), (&runner.Disk{}).Hard())
			if err != nil {
				t.Fatal(err)
			}
			if got := out["deploy_kernel_id"].String(); (got != "") != (b.Release == defaultImageRelease) {
				t.Errorf("deploy_kernel_id is %q", got)
			}
		})
	}
}

func TestGlanceUploadTellsWhatIsMissing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*glanceUpload)
		want   string
		hint   string
	}{
		{"no place", func(s *glanceUpload) { s.Cloud = nil }, "nothing says where the images go", ""},
		{"no images", func(s *glanceUpload) { s.From = nil }, "nothing says what the images are", ""},
		{"a platform alone", func(s *glanceUpload) { s.Platform = "SNB" }, "platform needs architecture", ""},
		{"an empty property", func(s *glanceUpload) {
			s.From, s.HTTPBoot = nil, ""
			s.Images = []uploadedImage{{Name: "a", File: "/a", DiskFormat: "raw", Properties: map[string]string{"os_distro": ""}}}
		}, `the property "os_distro" of image "a" is empty`, ""},
		{"no whole disk", func(s *glanceUpload) { s.Release = "rhosp17.1" }, "overcloud-hardened-uefi-full.qcow2 is not there", "os_image_name: overcloud-full.qcow2"},
		{"a listed file", func(s *glanceUpload) {
			s.From, s.HTTPBoot = nil, ""
			s.Images = []uploadedImage{{Name: "a", File: "/nowhere/a.raw", DiskFormat: "raw"}}
		}, "/nowhere/a.raw is not there", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newGlanceBench(t)
			tc.change(b.glanceUpload)
			_, err := b.Inputs(t.Context(), &runner.Disk{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(fault.Hint(err), tc.hint) {
				t.Errorf("got error %v, hint %q, want %q, %q", err, fault.Hint(err), tc.want, tc.hint)
			}
			if _, err := b.Verify(t.Context(), &runner.Disk{}); err == nil {
				t.Error("verify finds nothing wrong")
			}
		})
	}
}

func TestGlanceUploadValidateSettings(t *testing.T) {
	listed := func(change func(img *uploadedImage)) func(*glanceUpload) {
		return func(s *glanceUpload) {
			s.From = nil
			img := uploadedImage{Name: "a", File: "/a", DiskFormat: "qcow2", Kernel: "k", Ramdisk: "r"}
			change(&img)
			s.Images = []uploadedImage{img, {Name: "k", File: "/k", DiskFormat: "aki"}, {Name: "r", File: "/r", DiskFormat: "ari"}}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*glanceUpload)
		want   string
	}{
		{"a list", listed(func(*uploadedImage) {}), ""},
		{"a list of which nothing is known", func(s *glanceUpload) { s.From = nil; s.Images = make([]uploadedImage, 2) }, ""},
		{"no place", func(s *glanceUpload) { s.Cloud = nil }, "nothing says where the images go: set cloud, or to: {directory: DIR}"},
		{"a place that is not known", func(s *glanceUpload) { s.Cloud = new("") }, ""},
		{"a directory that is not known", func(s *glanceUpload) { s.Cloud, s.To = nil, &imageDirectory{} }, ""},
		{"no images", func(s *glanceUpload) { s.From = nil }, "nothing says what the images are: set from, or images"},
		{"images that are not known", func(s *glanceUpload) { s.From = new(plan.Path("")) }, ""},
		{"an empty list", func(s *glanceUpload) { s.From, s.Images = nil, []uploadedImage{} }, "images: nothing says what the images are"},
		{"an empty list beside from", func(s *glanceUpload) { s.Images = []uploadedImage{} }, "images: names no image"},
		{"an unknown release", func(s *glanceUpload) { s.Release = "rhosp14" }, `release: unknown release "rhosp14"`},
		{"two places", func(s *glanceUpload) { s.To = &imageDirectory{"/var/lib/ironic/images"} }, "not to both"},
		{"another conversion", func(s *glanceUpload) { s.Convert = "vmdk" }, "convert: "},
		{"another update", func(s *glanceUpload) { s.UpdateExisting = "repalce" }, "update_existing: "},
		{"keep without replace", func(s *glanceUpload) { s.Keep = 2 }, "keep: all older images stay"},
		{"keep less than nothing", func(s *glanceUpload) { s.UpdateExisting, s.Keep = "replace", -1 }, "keep: -1 is less than 0"},
		{"keep with replace", func(s *glanceUpload) { s.UpdateExisting, s.Keep = "replace", 2 }, ""},
		{"an odd architecture", func(s *glanceUpload) { s.Architecture = "x86/64" }, "architecture: "},
		{"from beside images", func(s *glanceUpload) { listed(func(*uploadedImage) {})(s); s.From = new(plan.Path("/images")) }, "from: it only applies to a release's images"},
		{"no such kernel", listed(func(i *uploadedImage) { i.Kernel = "kk" }), `images[0].kernel: no image of the list is named "kk"`},
		{"a ramdisk as kernel", listed(func(i *uploadedImage) { i.Kernel = "r" }), `images[0].kernel: "r" is ari, and a kernel has to be aki`},
		{"a kernel with a kernel", listed(func(i *uploadedImage) { i.DiskFormat = "aki" }), "images[0].disk_format: aki is a kernel"},
		{"an unknown format", listed(func(i *uploadedImage) { i.DiskFormat = "qcow" }), "images[0].disk_format: "},
		{"an unknown visibility", listed(func(i *uploadedImage) { i.Visibility = "secret" }), "images[0].visibility: "},
		{"an unknown container", listed(func(i *uploadedImage) { i.ContainerFormat = "zip" }), "images[0].container_format: "},
		{"a name that is there", listed(func(i *uploadedImage) { i.Name = "k" }), `images[1].name: images[0] also has the name "k"`},
		{"a long name", listed(func(i *uploadedImage) { i.Name = imageName(strings.Repeat("a", 250)) }), "images[0].name: it is too long"},
		{"less than no memory", listed(func(i *uploadedImage) { i.MinRAM = -1 }), "images[0].min_ram: -1"},
		{"an id of a kernel", listed(func(i *uploadedImage) { i.Properties = map[string]string{"kernel_id": "x"} }), "images[0].properties.kernel_id: name the image as kernel"},
		{"a property of ours", listed(func(i *uploadedImage) { i.Properties = map[string]string{"bayplan_upload": "x"} }), "bayplan's own"},
		{"a property of the service", listed(func(i *uploadedImage) { i.Properties = map[string]string{"checksum": "x"} }), "not a property that a plan can set"},
		{"two files of one name", func(s *glanceUpload) {
			s.Cloud, s.From, s.To = nil, nil, &imageDirectory{"/d"}
			s.Images = []uploadedImage{{Name: "a", File: "/1/a.raw", DiskFormat: "raw"}, {Name: "b", File: "/2/a.raw", DiskFormat: "raw"}}
		}, "images[1].file: images[0] would also become the file a.raw"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newGlanceUpload(&testbed.Cloud{})
			s.Cloud, s.From = new("undercloud"), new(plan.Path("/images"))
			tc.change(s)
			err := s.Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
}
