package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/diskimage"
	"github.com/bayplan/bayplan/steps/internal/glance"
)

// An imageFile is an image file as it is, or as an earlier step would leave it.
type imageFile struct {
	Path   string
	Size   int64
	SHA512 string
}

// measure looks at all image files. Whatever is wrong with any of them is
// told at once, before anything is touched.
func (s *glanceUpload) measure(ctx context.Context, w runner.World) (map[string]imageFile, error) {
	files := map[string]imageFile{}
	var missing []string
	var errs []error
	for _, img := range s.diskImages() {
		m := imageFile{Path: filepath.Join(string(s.From), img.File)}
		fi, err := w.Stat(m.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, img.File)
		case err != nil:
			errs = append(errs, err)
		case !fi.Mode().IsRegular():
			errs = append(errs, fmt.Errorf("%s is not a regular file", m.Path))
		case fi.Size() == 0:
			errs = append(errs, fmt.Errorf("%s is empty", m.Path))
		default:
			m.Size = fi.Size()
		}
		files[img.File] = m
	}
	if len(missing) > 0 {
		err := fmt.Errorf("%s: %s", s.From, areMissing(missing))
		errs = append(errs, fault.WithHint(err, "from: must be the directory that the archives of images were unpacked into"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for name, m := range files {
		sums, err := w.Sum(ctx, m.Path, runner.SHA512)
		if err != nil {
			return nil, err
		}
		m.SHA512 = sums[runner.SHA512]
		files[name] = m
	}
	return files, nil
}

func areMissing(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0] + " is not there"
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " are not there"
}

// A glanceSurvey is what there is and what is to be done about it.
type glanceSurvey struct {
	client *glance.Client
	images []imageFound // in the order of diskImages
	boot   []placing
}

// An imageFound is one image: what is wanted, and what is to be done.
type imageFound struct {
	diskImage
	file     imageFile
	want     glance.Want
	decision glance.Decision
}

// id is the id that the image has or will have, "" where that is not known.
func (f imageFound) id() string {
	switch d := f.decision; {
	case d.Keep != nil:
		return d.Keep.ID
	case d.Staged != nil && d.Staged.Status == glance.Active:
		return d.Staged.ID
	}
	return ""
}

func (s *glanceUpload) survey(ctx context.Context, w runner.World) (*glanceSurvey, error) {
	files, err := s.measure(ctx, w)
	if err != nil {
		return nil, err
	}
	boot, err := s.surveyBoot(ctx, w, files)
	if err != nil {
		return nil, err
	}
	client, err := s.out.Cloud(ctx, s.Cloud)
	if err != nil {
		return nil, err
	}
	g := &glanceSurvey{client: client, boot: boot}
	for _, img := range s.diskImages() {
		g.images = append(g.images, imageFound{diskImage: img, file: files[img.File], want: img.want(w, files[img.File])})
	}
	return g, g.decide(ctx)
}

// want says what the image service is to have. The ids of other images are
// filled in later.
func (img diskImage) want(w runner.World, m imageFile) glance.Want {
	return glance.Want{
		Name: img.Name, DiskFormat: img.Disk, ContainerFormat: "bare", Visibility: "public",
		Size: m.Size, SHA512: m.SHA512,
		Sum: func(ctx context.Context, algo string) (string, error) {
			sums, err := w.Sum(ctx, m.Path, runner.Algo(algo))
			return sums[runner.Algo(algo)], err
		},
	}
}

// decide asks the cloud once for all images.
func (g *glanceSurvey) decide(ctx context.Context) error {
	seen, err := g.list(ctx)
	if err != nil {
		return err
	}
	var errs []error
	ids := map[string]string{}
	for i := range g.images {
		f := &g.images[i]
		f.want.Properties = f.properties(ids)
		f.decision, err = glance.Decide(ctx, f.want, seen)
		errs = append(errs, err)
		ids[f.Name] = f.id()
	}
	return errors.Join(errs...)
}

func (g *glanceSurvey) list(ctx context.Context) ([]glance.Image, error) {
	var names []string
	for _, f := range g.images {
		names = append(names, f.want.Names()...)
	}
	return g.client.List(ctx, names...)
}

// properties are those that name other images.
func (img diskImage) properties(ids map[string]string) map[string]string {
	p := map[string]string{}
	if img.Kernel != "" {
		p["kernel_id"] = ids[img.Kernel]
	}
	if img.Ramdisk != "" {
		p["ramdisk_id"] = ids[img.Ramdisk]
	}
	return p
}

// checkHeaders refuses images that must not be uploaded.
func (g *glanceSurvey) checkHeaders(w runner.World) error {
	var errs []error
	for _, f := range g.images {
		if f.Disk != "qcow2" || f.decision.Keep != nil {
			continue
		}
		errs = append(errs, checkQCOW2(w, f.file))
	}
	return errors.Join(errs...)
}

func checkQCOW2(w runner.World, m imageFile) error {
	r, err := w.Open(m.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := diskimage.CheckQCOW2(r, m.Size); err != nil {
		return fmt.Errorf("%s is not uploaded: %w", m.Path, err)
	}
	return nil
}

// outputs are the ids, as far as they are known, and the names.
func (g *glanceSurvey) outputs() runner.Outputs {
	out := runner.Outputs{}
	var names []string
	for _, f := range g.images {
		names = append(names, f.Name)
		out[f.Output] = plan.Later("after upload")
		if id := f.id(); id != "" {
			out[f.Output] = plan.Text(id)
		}
	}
	out["images"] = plan.List(names...)
	return out
}

// problems tells everything that is not as wanted.
func (g *glanceSurvey) problems() error {
	var errs []error
	for _, f := range g.images {
		for _, problem := range f.problems() {
			errs = append(errs, fmt.Errorf("image %q of cloud %q: %s", f.Name, g.client.Cloud(), problem))
		}
	}
	for _, b := range g.boot {
		if b.note != "" {
			errs = append(errs, fmt.Errorf("%s: %s", b.To, b.note))
		}
	}
	return errors.Join(errs...)
}

func (f imageFound) problems() (all []string) {
	d := f.decision
	switch {
	case d.Keep == nil && d.Why != "":
		all = append(all, d.Why)
	case d.Keep == nil:
		all = append(all, "it is not there")
	case len(d.Old) > 0:
		all = append(all, "another image has its name: "+d.Old[0].ID)
	}
	for _, key := range slices.Sorted(maps.Keys(d.Fix)) {
		if d.Fix[key] == "" {
			continue // the image that it would name is missing, which is told
		}
		all = append(all, fmt.Sprintf("its %s is %q, not %q", key, d.Keep.Properties[key], d.Fix[key]))
	}
	if d.Show {
		all = append(all, "it is "+d.Keep.Visibility+", not "+f.want.Visibility)
	}
	for _, img := range d.Remnant {
		all = append(all, "an interrupted upload left "+img.ID)
	}
	return all
}
