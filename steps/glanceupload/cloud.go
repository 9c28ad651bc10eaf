package glanceupload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// An imageSurvey is what was found in the place where images are stored, and what must
// be done there.
type imageSurvey interface {
	items() []runner.Item
	summary() string
	notes() []string
	files() []runner.File
	// checkFiles refuses files that must not be stored.
	checkFiles() error
	// apply makes the changes and gives the outputs, which are confirmed.
	apply(ctx context.Context, p runner.Progress) (runner.Outputs, error)
	// written gives the files that apply has written.
	written() *writtenFiles
	// fills says what is where when all is done, as far as it is known, by outputs that are confirmed
	// or nil, too.
	fills(confirmed runner.Outputs) map[string]runner.Content
	outputs() runner.Outputs
	problems() error
}

func (s *glanceUpload) survey(ctx context.Context, w runner.World, prior *runner.Record) (imageSurvey, error) {
	files, err := s.statFiles(w)
	if err != nil {
		return nil, err
	}
	boot, err := s.surveyBoot(ctx, w, files)
	if err != nil {
		return nil, err
	}
	if s.toDirectory() != "" {
		return s.surveyDirectory(ctx, w, files, &directorySurvey{boot: boot, prior: prior})
	}
	client, err := s.clouds.Cloud(ctx, s.cloud())
	if err != nil {
		return nil, err
	}
	g := &cloudSurvey{client: client, place: cmp.Or(client.Place(), s.clouds.CloudPlace(s.cloud())), boot: boot, all: s.replaces(), release: len(s.Images) == 0}
	for _, img := range s.diskImages() {
		found := cloudImage{diskImage: img, file: files[img.File], convert: s.converts(img)}
		if found.want, err = s.want(ctx, client.Owner(), found); err != nil {
			return nil, err
		}
		g.images = append(g.images, found)
	}
	return g, g.decide(ctx)
}

// A cloudSurvey is an imageSurvey of a cloud.
type cloudSurvey struct {
	client  *glance.Client
	place   string       // the same for all connections to these images
	images  []cloudImage // each after its kernel and ramdisk
	boot    bootCopies
	all     bool // list all images of the cloud, since some may be deleted
	release bool // the images are those of a release, whose ids nodes refer to

	seen  []glance.Image // the images of the cloud
	stale bool           // an apply has begun, so seen may be out of date
	wrote writtenFiles
}

// A cloudImage is one image: what is wanted, and what must be done.
type cloudImage struct {
	diskImage
	file     imageFile
	convert  bool
	want     glance.Want
	decision glance.Decision
}

// id gives the id that the image has or will have, "" if that is not known.
func (f cloudImage) id() string {
	switch d := f.decision; {
	case d.Keep != nil:
		return d.Keep.ID
	case d.Staged != nil && d.Staged.Status == glance.Active:
		return d.Staged.ID
	}
	return ""
}

// want says what the image service must have. The ids of other images are filled in
// later.
func (s *glanceUpload) want(ctx context.Context, owner string, f cloudImage) (glance.Want, error) {
	want := glance.Want{
		Name: f.Name, DiskFormat: s.storedFormat(f.diskImage), ContainerFormat: f.Container, Visibility: f.Visibility,
		MinDisk: f.MinDisk, MinRAM: f.MinRAM, Size: f.file.Size, Owner: owner,
		Replace: s.replaces(), Keep: s.Keep,
		Sum:  f.file.Sum,
		Open: func() (glance.File, error) { return f.file.OpenContent(f.Disk, f.convert) },
	}
	if f.convert {
		sum, err := f.file.SHA512(ctx)
		if err != nil {
			return want, err
		}
		want.Source = "sha512:" + sum
		want.Size, err = f.file.VirtualSize()
		return want, err
	}
	want.OnSHA512 = f.file.SHA512Rememberer()
	if s.applying {
		want.SHA512 = f.file.RecallSHA512() // or else it is computed while the content is sent
		return want, nil
	}
	var err error
	want.SHA512, err = f.file.SHA512(ctx) // which Inputs has computed already
	return want, err
}

// decide lists the images once, and decides for each wanted image what must be done.
func (g *cloudSurvey) decide(ctx context.Context) error {
	var err error
	if g.seen, err = g.list(ctx); err != nil {
		return err
	}
	var errs []error
	ids := map[string]string{}
	for i := range g.images {
		f := &g.images[i]
		f.want.Properties = f.properties(ids)
		f.decision, err = glance.Decide(ctx, f.want, g.seen)
		errs = append(errs, err)
		ids[f.Name] = f.id()
	}
	return errors.Join(errs...)
}

func (g *cloudSurvey) list(ctx context.Context) ([]glance.Image, error) {
	if g.all {
		return g.client.ListAll(ctx)
	}
	var names []string
	for _, f := range g.images {
		names = append(names, f.want.Names()...)
	}
	return g.client.List(ctx, names...)
}

// properties gives the image's own properties and those that name other images.
func (img diskImage) properties(ids map[string]string) map[string]string {
	p := map[string]string{}
	maps.Copy(p, img.Properties)
	if img.Kernel != "" {
		p["kernel_id"] = ids[img.Kernel]
	}
	if img.Ramdisk != "" {
		p["ramdisk_id"] = ids[img.Ramdisk]
	}
	return p
}

// checkFiles checks the files of the images that must be uploaded.
func (g *cloudSurvey) checkFiles() error {
	var errs []error
	checked := map[string]bool{}
	for _, f := range g.images {
		if f.decision.Keep == nil {
			checked[f.file.Path] = true
			errs = append(errs, f.file.Check(f.Disk, f.convert))
		}
	}
	return errors.Join(append(errs, g.boot.checkSources(checked)...)...)
}

func (g *cloudSurvey) fills(confirmed runner.Outputs) map[string]runner.Content {
	fills, digests := g.boot.fills(), digestsOf(confirmed)
	for _, f := range g.images {
		c := runner.Content{Size: f.want.Size, Name: f.Name + " in cloud " + g.client.Cloud()}
		switch keep := f.decision.Keep; {
		case digests[f.Name] != "":
			c.Digests = append(c.Digests, digests[f.Name])
		case f.want.SHA512 != "":
			c.Digests = append(c.Digests, checksum.Text("sha512", f.want.SHA512))
		case keep != nil:
			c.Digests = append(c.Digests, glance.BestDigest(*keep))
		}
		c.Digests = append(c.Digests, "disk_format:"+f.want.DiskFormat, "visibility:"+f.want.Visibility)
		for key, value := range f.Properties {
			c.Digests = append(c.Digests, "property "+strings.ReplaceAll(key, ":", "%3A")+":"+value)
		}
		slices.Sort(c.Digests)
		fills["image "+f.Name+" "+g.place] = c
	}
	return fills
}

// digestsOf gives the digests of outputs by the names of their images.
func digestsOf(outputs runner.Outputs) map[string]string {
	digests := map[string]string{}
	for _, d := range outputs["digests"].Items() {
		if at := strings.LastIndexByte(d, '@'); at >= 0 {
			digests[d[:at]] = d[at+1:]
		}
	}
	return digests
}

// outputs gives the names, the ids and the digests. Ids and digests may be known later.
func (g *cloudSurvey) outputs() runner.Outputs {
	found := make([]storedImage, len(g.images))
	for i, f := range g.images {
		found[i] = storedImage{diskImage: f.diskImage, id: f.id()}
		switch d := f.decision; {
		case d.Keep != nil:
			found[i].digest = glance.BestDigest(*d.Keep)
		case d.Staged != nil && d.Staged.Status == glance.Active:
			found[i].digest = glance.BestDigest(*d.Staged)
		}
	}
	return imageOutputs(found)
}

// A storedImage is an image with its id and its digest in the place where it is stored.
// They are "" until they are known.
type storedImage struct {
	diskImage
	id     string
	digest string
}

func imageOutputs(found []storedImage) runner.Outputs {
	out := runner.Outputs{}
	// All outputs are always set. An empty one says that there is no such image.
	for _, name := range []string{"image_id", "kernel_id", "ramdisk_id", "deploy_kernel_id", "deploy_ramdisk_id"} {
		out[name] = plan.Text("")
	}
	var names, ids, digests []string
	later := false
	for _, f := range found {
		names = append(names, f.Name)
		ids = append(ids, f.id)
		digests = append(digests, f.Name+"@"+f.digest)
		later = later || f.id == "" || f.digest == ""
		switch {
		case f.Output == "":
		case f.id == "":
			out[f.Output] = plan.Later("after upload")
		default:
			out[f.Output] = plan.Text(f.id)
		}
	}
	out["images"], out["ids"], out["digests"] = plan.List(names...), plan.List(ids...), plan.List(digests...)
	if later {
		out["ids"], out["digests"] = plan.Later("after upload"), plan.Later("after upload")
	}
	return out
}

// notes names the images that were compared by MD5 only, and those that another run may
// be uploading.
func (g *cloudSurvey) notes() []string {
	notes := g.client.Notes()
	for _, f := range g.images {
		if f.decision.MD5Only {
			notes = append(notes, fmt.Sprintf("image %s (%s) was compared by MD5 only: the cloud has no other digest of it", f.Name, f.decision.Keep.ID))
		}
		for _, img := range f.decision.Foreign {
			notes = append(notes, fmt.Sprintf("image %s (%s, %s since %s) may be an upload of another run: it is left alone for a day", img.Name, img.ID, img.Status, img.UpdatedAt))
		}
	}
	return notes
}

// problems gives an error about everything that is not as wanted.
func (g *cloudSurvey) problems() error {
	var errs []error
	for _, f := range g.images {
		for _, p := range f.problems() {
			p.About.What, p.About.Name, p.Where = "image", f.Name, fmt.Sprintf("cloud %q", g.client.Cloud())
			errs = append(errs, p)
		}
	}
	return errors.Join(append(errs, g.boot.problems()...)...)
}

func (f cloudImage) problems() (all []*glance.Drift) {
	d := f.decision
	switch {
	case d.Keep == nil && d.Reason != "":
		all = append(all, &glance.Drift{About: fault.Problem{Kind: "drifted", Source: f.file.Path}, Says: d.Reason})
	case d.Keep == nil:
		all = append(all, &glance.Drift{About: fault.Problem{Kind: "missing", Source: f.file.Path}, Says: "it is not there"})
	case len(d.Old) > 0:
		all = append(all, &glance.Drift{About: fault.Problem{Kind: "extra", Have: d.Old[0].ID}, Says: "another image has its name: " + d.Old[0].ID})
	}
	for _, key := range slices.Sorted(maps.Keys(d.SetProperties)) {
		if d.SetProperties[key] == "" {
			continue // the image that it would name is missing, and has a problem of its own
		}
		all = append(all, glance.AttributeDrift(key, d.Keep.Properties[key], d.SetProperties[key]))
	}
	if d.SetVisibility {
		all = append(all, &glance.Drift{
			About: fault.Problem{Kind: "drifted", Lacks: "visibility", Have: d.Keep.Visibility, Want: f.want.Visibility},
			Says:  "it is " + d.Keep.Visibility + ", not " + f.want.Visibility,
		})
	}
	if d.SetMinimums {
		all = append(all, glance.AttributeDrift("min_disk and min_ram", fmt.Sprint(d.Keep.MinDisk, " ", d.Keep.MinRAM), fmt.Sprint(f.want.MinDisk, " ", f.want.MinRAM)))
	}
	for _, img := range d.Leftover {
		all = append(all, &glance.Drift{About: fault.Problem{Kind: "extra", Have: img.ID}, Says: "an interrupted upload left " + img.ID})
	}
	for _, img := range d.Delete {
		if img.Name != f.Name {
			all = append(all, &glance.Drift{About: fault.Problem{Kind: "extra", Have: img.ID}, Says: "an older one is still there: " + img.Name + ", " + img.ID})
		}
	}
	return all
}
