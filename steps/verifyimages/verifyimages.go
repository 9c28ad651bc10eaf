// Package verifyimages is the step type verify-images. It compares the images of a cloud
// with a list of expected images, and changes nothing.
package verifyimages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// verifyImages checks that a cloud holds images: of each name exactly one that
// is active and whole, with the content and the properties that are expected.
// It tells of them in a table, as `openstack image list` does.
type verifyImages struct {
	// Cloud to look at, a name under connections.clouds.
	Cloud string `json:"cloud"`
	// Images that are to be there: each a name, or NAME@sha512:HEX as in the output digests of a
	// glance-upload step, or a mapping that says more.
	Expect []plan.TextOr[string, expectedImage] `json:"expect" jsonschema:"minItems=1"`
	// Refuse images that are not expected, also those that were renamed when another took their
	// place.
	Exact bool `json:"exact,omitempty"`

	clouds clouds
}

// An expectedImage is what an image is to be like.
type expectedImage struct {
	// Name of the image.
	Name string `json:"name"`
	// File that it is to be a copy of.
	File plan.Path `json:"file,omitempty"`
	// Digest of its content, such as sha512:HEX.
	Digest string `json:"digest,omitempty" jsonschema:"pattern=^[a-z0-9]+:[0-9a-f]+$"`
	// Size of its content in bytes.
	Size int `json:"size,omitempty" jsonschema:"minimum=0"`
	// Disk format that it says it has.
	DiskFormat string `json:"disk_format,omitempty"`
	// Container format that it says it has.
	ContainerFormat string `json:"container_format,omitempty"`
	// Who may use it.
	Visibility string `json:"visibility,omitempty" jsonschema:"enum=public,enum=private,enum=shared,enum=community"`
	// Properties that it has, besides any others.
	Properties map[string]string `json:"properties,omitempty"`
	// Name of the image whose id its property kernel_id is.
	Kernel string `json:"kernel,omitempty"`
	// Name of the image whose id its property ramdisk_id is.
	Ramdisk string `json:"ramdisk,omitempty"`
}

// clouds is what the step needs from the plan's connections.
type clouds interface {
	// CheckCloud gives an error when there is no connection of that name.
	CheckCloud(name string) error
	// Cloud logs in to a cloud.
	Cloud(ctx context.Context, name string) (*glance.Client, error)
}

// Type gives the step type verify-images.
func Type(c clouds) runner.Type {
	return runner.Type{
		Name:  "verify-images",
		Check: true,
		Outputs: []runner.Output{
			{Name: "table", Doc: "The images with ids, names and states, as openstack image list shows them."},
			{Name: "ids", Doc: "Ids of the images, in the order of expect.", List: true},
			{Name: "digests", Doc: "Names of the images with their digests, NAME@sha512:HEX, in the order of expect.", List: true},
		},
		New: func() runner.Step { return &verifyImages{clouds: c} },
	}
}

var (
	digestForm   = lazyregexp.New(`^(md5|sha1|sha224|sha256|sha384|sha512):[0-9a-f]+$`)
	digestPrefix = lazyregexp.New(`^(md5|sha1|sha224|sha256|sha384|sha512):`)

	// errNothingToVerify is the error of a step that would compare no image.
	errNothingToVerify = errors.New("names no image: there is nothing to verify")
)

// Validate implements runner.Validator.
func (v *verifyImages) Validate() error {
	var errs []error
	if v.Cloud != "" {
		errs = append(errs, plan.At("cloud", v.clouds.CheckCloud(v.Cloud)))
	}
	if v.Expect != nil && len(v.Expect) == 0 { // nil: a reference that is not resolved yet
		errs = append(errs, plan.At("expect", errNothingToVerify))
	}
	seen := map[string]int{}
	for i, e := range v.Expect {
		at := fmt.Sprintf("expect[%d]", i)
		img := expectation(e)
		if img.Name != "" {
			if other, twice := seen[img.Name]; twice {
				errs = append(errs, plan.At(at, fmt.Errorf("expect[%d] also names %q", other, img.Name)))
			}
			seen[img.Name] = i
		}
		if img.Digest != "" && !digestForm.MatchString(img.Digest) {
			errs = append(errs, plan.At(at, fmt.Errorf("%q is not a digest of the form sha512:HEX", img.Digest)))
		}
		if img.Size < 0 {
			errs = append(errs, plan.At(at+".size", fmt.Errorf("%d is less than 0", img.Size)))
		}
		errs = append(errs, plan.At(at+".visibility", setting.OneOf(img.Visibility, "public", "private", "shared", "community")))
	}
	return errors.Join(errs...)
}

// expectation gives the long form of an entry. A name may contain an @. Text after the
// last @ that begins like a digest is a digest, even if it is malformed.
func expectation(e plan.TextOr[string, expectedImage]) expectedImage {
	if e.Text == "" {
		return e.Other
	}
	if at := strings.LastIndex(e.Text, "@"); at > 0 && digestPrefix.MatchString(e.Text[at+1:]) {
		return expectedImage{Name: e.Text[:at], Digest: e.Text[at+1:]}
	}
	return expectedImage{Name: e.Text}
}

// Paths implements runner.Pather.
func (v *verifyImages) Paths() runner.Paths {
	var files []plan.Path
	for _, e := range v.Expect {
		files = append(files, e.Other.File)
	}
	paths := runner.Paths{Reads: setting.Paths(files), Asks: []runner.Server{{Kind: runner.CloudServer, Name: v.Cloud, Field: "cloud"}}}
	if v.Cloud != "" {
		var names []string
		for _, e := range v.Expect {
			names = append(names, expectation(e).Name)
		}
		paths.Looks = []runner.Place{{Where: runner.Where{Kind: runner.CloudServer, Name: v.Cloud}, Names: names, Field: "expect", All: v.Exact}}
	}
	return paths
}

// Inputs implements runner.Step. The inputs are the cloud and the files.
func (v *verifyImages) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	in := []runner.Input{{Name: "cloud", Digest: v.Cloud}}
	for _, path := range v.Paths().Reads {
		sum, err := hostfiles.SHA512(ctx, w, path)
		if err != nil {
			return nil, err
		}
		in = append(in, runner.Input{Name: path, Digest: "sha512:" + sum})
	}
	return in, nil
}

// Diff implements runner.Step. An image that is not as expected is an error.
func (v *verifyImages) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := v.Verify(ctx, w)
	if err != nil {
		return nil, err
	}
	client, err := v.clouds.Cloud(ctx, v.Cloud)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: outputs, Notes: append(client.Notes(), strings.Split(outputs["table"].String(), "\n")...)}, nil
}

// Verify implements runner.Step.
func (v *verifyImages) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	if len(v.Expect) == 0 {
		return nil, plan.At("expect", errNothingToVerify)
	}
	client, err := v.clouds.Cloud(ctx, v.Cloud)
	if err != nil {
		return nil, err
	}
	seen, err := v.list(ctx, client)
	if err != nil {
		return nil, err
	}
	c := imageCheck{world: w, seen: seen, where: fmt.Sprintf("cloud %q", client.Cloud())}
	var ids, digests []string
	var table []glance.Image
	for _, e := range v.Expect {
		want := expectation(e)
		img, err := c.compare(ctx, want)
		if err != nil {
			return nil, err
		}
		table = append(table, imagesNamed(seen, want.Name)...)
		ids, digests = append(ids, img.ID), append(digests, want.Name+"@"+glance.BestDigest(img))
	}
	if v.Exact {
		c.checkUnexpected(v.names())
	}
	if len(c.errs) > 0 {
		return nil, fault.WithHint(errors.Join(c.errs...), "openstack image list shows all that there is")
	}
	return runner.Outputs{
		"table": plan.Text(imageTable(table)), "ids": plan.List(ids...), "digests": plan.List(digests...),
	}, nil
}

// list asks the cloud once for all images that are compared.
func (v *verifyImages) list(ctx context.Context, client *glance.Client) ([]glance.Image, error) {
	if v.Exact {
		return client.ListAll(ctx)
	}
	return client.List(ctx, v.names()...)
}

// names gives all image names in expect.
func (v *verifyImages) names() []string {
	var names []string
	for _, e := range v.Expect {
		img := expectation(e)
		for _, name := range []string{img.Name, img.Kernel, img.Ramdisk} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func imagesNamed(all []glance.Image, name string) (some []glance.Image) {
	for _, img := range all {
		if img.Name == name {
			some = append(some, img)
		}
	}
	return some
}

// An imageCheck compares images with the expected ones, and collects the differences.
type imageCheck struct {
	world runner.World
	seen  []glance.Image
	where string
	errs  []error
}

func (c *imageCheck) report(about fault.Problem, format string, args ...any) {
	about.What = "image"
	c.errs = append(c.errs, &glance.Drift{About: about, Where: c.where, Says: fmt.Sprintf(format, args...)})
}

// compare finds the image of a name and compares it. It collects differences in errs, and
// gives an error only if it could not compare.
func (c *imageCheck) compare(ctx context.Context, want expectedImage) (glance.Image, error) {
	found := imagesNamed(c.seen, want.Name)
	active := slices.DeleteFunc(slices.Clone(found), func(i glance.Image) bool { return i.Status != glance.Active })
	about := fault.Problem{Name: want.Name}
	switch {
	case len(found) == 0:
		about.Kind = "missing"
		c.report(about, "it is not there")
		return glance.Image{}, nil
	case len(active) == 0:
		about.Kind, about.Have = "incomplete", found[0].ID
		c.report(about, "it is %s (%s)", found[0].Status, found[0].ID)
		return glance.Image{}, nil
	case len(found) > 1:
		about.Kind = "extra"
		c.report(about, "%d images have the name: %s", len(found), idsOf(found))
		return active[0], nil
	}
	img := active[0]
	c.compareAttributes(want, img)
	return img, c.compareContent(ctx, want, img)
}

func idsOf(images []glance.Image) string {
	var ids []string
	for _, img := range images {
		ids = append(ids, img.ID+" ("+img.Status+")")
	}
	return strings.Join(ids, ", ")
}

// compareAttributes compares the attributes and properties of an image.
func (c *imageCheck) compareAttributes(want expectedImage, img glance.Image) {
	check := func(key, have, want string) {
		if want != "" && have != want {
			m := glance.AttributeDrift(key, have, want)
			m.About.What, m.About.Name, m.Where = "image", img.Name, c.where
			c.errs = append(c.errs, m)
		}
	}
	check("disk_format", img.DiskFormat, want.DiskFormat)
	check("container_format", img.ContainerFormat, want.ContainerFormat)
	check("visibility", img.Visibility, want.Visibility)
	for _, key := range slices.Sorted(maps.Keys(want.Properties)) {
		check(key, img.Properties[key], want.Properties[key])
	}
	for _, link := range [][2]string{{"kernel_id", want.Kernel}, {"ramdisk_id", want.Ramdisk}} {
		if link[1] == "" {
			continue
		}
		to := imagesNamed(c.seen, link[1])
		if len(to) != 1 {
			c.report(fault.Problem{Kind: "incomplete", Name: img.Name, Lacks: link[0]}, "its %s must be the id of image %q, and %d images have that name", link[0], link[1], len(to))
			continue
		}
		check(link[0], img.Properties[link[0]], to[0].ID)
	}
}

// compareContent compares the size and the digest of an image.
func (c *imageCheck) compareContent(ctx context.Context, want expectedImage, img glance.Image) error {
	size, digest := int64(want.Size), want.Digest
	if want.File != "" {
		fi, err := c.world.Stat(string(want.File))
		if err != nil {
			return err
		}
		algo, _ := glance.BestSum(img)
		sum, err := hostfiles.Digest(ctx, c.world, string(want.File), algo)
		if err != nil {
			return err
		}
		if digest == "" {
			digest = algo + ":" + sum
		}
		size = fi.Size()
	}
	about := fault.Problem{Kind: "drifted", Name: img.Name, Source: string(want.File), Want: digest, Have: glance.BestDigest(img)}
	if size != 0 && img.Size != size {
		c.report(about, "it has %d bytes, not %d", img.Size, size)
		return nil
	}
	algo, _, _ := strings.Cut(digest, ":")
	switch have := (map[string]string{img.HashAlgo: img.HashAlgo + ":" + img.Hash, "md5": "md5:" + img.MD5})[algo]; {
	case digest == "" || have == digest:
	case have == "":
		c.report(about, "the cloud gives its digest as %s, which cannot be compared with %s", glance.BestDigest(img), digest)
	default:
		c.report(about, "its content is %s, not %s", have, digest)
	}
	return nil
}

// checkUnexpected reports images that are not expected.
func (c *imageCheck) checkUnexpected(names []string) {
	for _, img := range c.seen {
		if !slices.Contains(names, img.Name) {
			c.report(fault.Problem{Kind: "extra", Name: img.Name, Have: img.ID}, "it is not expected (%s, %s)", img.ID, img.Status)
		}
	}
}

// imageTable shows images in a table like that of `openstack image list`, sorted by name.
func imageTable(images []glance.Image) string {
	images = slices.Clone(images)
	slices.SortStableFunc(images, func(a, b glance.Image) int { return strings.Compare(a.Name, b.Name) })
	rows := [][3]string{{"ID", "Name", "Status"}}
	for _, img := range images {
		rows = append(rows, [3]string{img.ID, img.Name, img.Status})
	}
	var wide [3]int
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], len([]rune(cell)))
		}
	}
	line := ""
	for _, n := range wide {
		line += "+" + strings.Repeat("-", n+2)
	}
	line += "+"
	lines := []string{line}
	for i, row := range rows {
		lines = append(lines, fmt.Sprintf("| %-*s | %-*s | %-*s |", wide[0], row[0], wide[1], row[1], wide[2], row[2]))
		if i == 0 {
			lines = append(lines, line)
		}
	}
	return strings.Join(append(lines, line), "\n")
}
