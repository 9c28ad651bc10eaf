package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/tripleo"
)

// prepare finds the container images that an overcloud needs and writes two
// files: the environment file that tells the overcloud their names, and the
// list of images to mirror.
type prepare struct {
	// Release to prepare for. rhosp13 loads the registry of environments/docker.yaml ahead of your environments, so that services run in containers; queens reads your environments only, as the upstream tool does.
	Release string `json:"release" jsonschema:"enum=rhosp13,enum=queens"`
	// Registry and namespace that the images come from: registry.access.redhat.com/rhosp13. Default: the release's.
	Namespace string `json:"namespace,omitempty"`
	// What image names start with; a missing hyphen is added. Default: the release's. For none, set name_prefix to "".
	Prefix string `json:"prefix,omitempty"`
	// What image names end with; a missing hyphen is added.
	Suffix string `json:"suffix,omitempty"`
	// Tag of the images, or with tag_from_label the tag whose labels are read. Default: the release's.
	Tag string `json:"tag,omitempty"`
	// Find each image's tag from its own labels: a label's name, or a template such as {version}-{release}.
	TagFromLabel string `json:"tag_from_label,omitempty"`
	// Registry (host, with its port and maybe a path) that the images will be mirrored to and the overcloud pulls from. Where its connection says tls: disabled or insecure, DockerInsecureRegistryAddress lists it.
	PushDestination string `json:"push_destination,omitempty"`
	// Heat environment files, in order; a later one wins. No others are read, not even those of ~/.tripleo/environments.
	Environments []plan.Path `json:"environments,omitempty"`
	// Roles file. Default: the roles that the release comes with.
	RolesFile plan.Path `json:"roles_file,omitempty"`
	// Variables of the release's template, such as ceph_namespace, ceph_image and ceph_tag. They win over all other settings.
	Set map[string]string `json:"set,omitempty"`
	// Regular expressions; an image in whose name and tag one finds something is left out.
	Excludes []string `json:"excludes,omitempty"`
	// Neutron driver. Default: derived from the services.
	NeutronDriver string `json:"neutron_driver,omitempty" jsonschema:"enum=odl,enum=ovn,enum=other"`
	// Environment file to write.
	EnvFile plan.Path `json:"env_file"`
	// List of images to write.
	ImagesFile plan.Path `json:"images_file"`

	plan, id string
	registry tripleo.Registry
	insecure func(host string) bool
	tags     map[string]string // that this run found, by image
}

func prepareType(out *Outside) runner.Type {
	return runner.Type{
		Name: "prepare",
		Outputs: []runner.Output{
			{Name: "env_file", Doc: "Path of the environment file."},
			{Name: "images_file", Doc: "Path of the list of images."},
			{Name: "images", Doc: "The images at their source, NAME:TAG, in the order of the list.", List: true},
		},
		New: func() runner.Step { return &prepare{registry: imageLookup{out}, insecure: out.Insecure} },
	}
}

// Sign implements runner.Signer.
func (p *prepare) Sign(plan, id string) { p.plan, p.id = plan, id }

// Paths implements runner.Pather.
func (p *prepare) Paths() runner.Paths {
	var paths runner.Paths
	for _, path := range append(slices.Clone(p.Environments), p.RolesFile) {
		if path != "" {
			paths.Reads = append(paths.Reads, string(path))
		}
	}
	for _, path := range []plan.Path{p.EnvFile, p.ImagesFile} {
		if path != "" {
			paths.Writes = append(paths.Writes, string(path))
		}
	}
	return paths
}

// Inputs implements runner.Step: the files that are read, the tags that were
// found, and the registries without TLS.
func (p *prepare) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	inputs, err := p.fileInputs(ctx, w)
	if err != nil {
		return nil, err
	}
	result, err := p.result(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, image := range result.Images {
		if tag, ok := p.tags[image.Name]; ok {
			inputs = append(inputs, runner.Input{Name: "tag of " + image.Name, Digest: tag})
		}
	}
	insecure := strings.Join(result.InsecureHosts(), ", ")
	return append(inputs, runner.Input{Name: "insecure registries", Digest: insecure}), nil
}

func (p *prepare) fileInputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	var inputs []runner.Input
	for _, path := range p.Paths().Reads {
		kind := "environment"
		if path == string(p.RolesFile) {
			kind = "roles"
		}
		if err := checkFile(kind, path, w); err != nil {
			return nil, err
		}
		sums, err := w.Sum(ctx, path, runner.SHA256)
		if err != nil {
			return nil, unreadable(kind, path, err)
		}
		inputs = append(inputs, runner.Input{Name: kind + " " + path, Digest: "sha256:" + sums[runner.SHA256]})
	}
	return inputs, nil
}

// unreadable says which of the plan's files could not be read.
func unreadable(kind, path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	err = fmt.Errorf("%s file %s: %w", kind, path, err)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.WithHint(err, "every environment and roles file that the plan names must be there")
	}
	return err
}

// checkFile refuses a directory, of which the old tool read all files.
func checkFile(kind, path string, w runner.World) error {
	fi, err := w.Stat(path)
	if err != nil {
		return unreadable(kind, path, err)
	}
	if fi.IsDir() {
		return fault.WithHint(fmt.Errorf("%s file %s: it is a directory", kind, path), "name the files that are in it, in their order")
	}
	return nil
}

// result finds the images and their tags. Tags are looked up once a run.
func (p *prepare) result(ctx context.Context, w runner.World) (tripleo.Result, error) {
	request, err := p.request()
	if err != nil {
		return tripleo.Result{}, err
	}
	selection, err := tripleo.Select(request, w.Open)
	if err != nil {
		return tripleo.Result{}, err
	}
	images := selection.Images
	if p.TagFromLabel != "" {
		if images, err = p.tagged(ctx, images); err != nil {
			return tripleo.Result{}, err
		}
	}
	return tripleo.Result{Images: images, PushDestination: p.PushDestination, Insecure: p.insecure}, nil
}

func (p *prepare) request() (tripleo.Request, error) {
	request := tripleo.Request{
		Release:       p.Release,
		RolesFile:     string(p.RolesFile),
		Namespace:     p.Namespace,
		Prefix:        p.Prefix,
		Suffix:        p.Suffix,
		Tag:           p.Tag,
		NeutronDriver: p.NeutronDriver,
		Set:           p.Set,
	}
	for _, path := range p.Environments {
		request.Environments = append(request.Environments, string(path))
	}
	for _, text := range p.Excludes {
		re, err := regexp.Compile(text)
		if err != nil {
			return request, err
		}
		request.Excludes = append(request.Excludes, re)
	}
	return request, nil
}

// tagged gives the images with the tags of their labels. What this run knows
// already is not asked again: the tags of one run must not change half-way.
func (p *prepare) tagged(ctx context.Context, images []tripleo.Image) ([]tripleo.Image, error) {
	var unknown []tripleo.Image
	for _, image := range images {
		if _, ok := p.tags[image.Name]; !ok {
			unknown = append(unknown, image)
		}
	}
	found, err := tripleo.DiscoverTags(ctx, unknown, p.TagFromLabel, p.registry)
	if err != nil {
		return nil, err
	}
	if p.tags == nil {
		p.tags = map[string]string{}
	}
	maps.Copy(p.tags, found)
	return tripleo.WithTags(images, p.tags), nil
}

// files renders the two files.
func (p *prepare) files(result tripleo.Result) []textFile {
	return []textFile{
		{string(p.EnvFile), result.EnvFile(p.comment()), howMany(len(result.Parameters()), "parameter", "parameters")},
		{string(p.ImagesFile), result.ImagesFile(), howMany(len(result.Images), "image", "images")},
	}
}

// comment heads the environment file. It holds no time: the same content is
// the same bytes.
func (p *prepare) comment() []string {
	lines := []string{fmt.Sprintf("Generated by bayplan: plan %s, step %s", p.plan, p.id), ""}
	for _, setting := range []struct{ name, value string }{
		{"release", p.Release},
		{"namespace", p.Namespace},
		{"prefix", p.Prefix},
		{"suffix", p.Suffix},
		{"tag", p.Tag},
		{"tag_from_label", p.TagFromLabel},
		{"push_destination", p.PushDestination},
	} {
		if setting.value != "" {
			lines = append(lines, "  "+setting.name+": "+oneLine(setting.value))
		}
	}
	return append(lines, "")
}

// oneLine keeps a setting from ending the comment that it stands in.
func oneLine(s string) string {
	if quoted := fmt.Sprintf("%q", s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}

func (p *prepare) outputs(result tripleo.Result) runner.Outputs {
	refs := make([]string, len(result.Images))
	for i, image := range result.Images {
		refs[i] = image.Ref()
	}
	return runner.Outputs{
		"env_file":    plan.Text(string(p.EnvFile)),
		"images_file": plan.Text(string(p.ImagesFile)),
		"images":      plan.List(refs...),
	}
}

// Diff implements runner.Step.
func (p *prepare) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	result, err := p.result(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := p.checkLinks(w); err != nil {
		return nil, err
	}
	change := &runner.Change{}
	var files []textFile
	for _, f := range p.files(result) {
		item, err := f.diff(w)
		if err != nil {
			return nil, err
		}
		if item != nil {
			files = append(files, f)
			change.Items = append(change.Items, *item)
			change.Files = append(change.Files, f.planned())
		}
	}
	finding := &runner.Finding{Outputs: p.outputs(result)}
	if len(files) > 0 {
		change.Summary = p.summary(files, result)
		change.Apply = func(ctx context.Context, progress runner.Progress) error {
			return writeAll(ctx, files, change.Items, progress)
		}
		finding.Change = change
	}
	return finding, nil
}

// summary tells what the files hold. That they hold nothing has a cause that
// is easily missed: upstream's release reads no registry but the operator's.
func (p *prepare) summary(files []textFile, result tripleo.Result) string {
	notes := make([]string, len(files))
	for i, f := range files {
		notes[i] = f.note
	}
	text := strings.Join(notes, ", ")
	if len(result.Images) == 0 && len(p.Excludes) == 0 {
		text += ": no service of a role with nodes runs in containers here"
	}
	return text
}

func writeAll(ctx context.Context, files []textFile, items []runner.Item, progress runner.Progress) error {
	for i, f := range files {
		if err := f.write(ctx); err != nil {
			return err
		}
		progress.Done(items[i])
	}
	return nil
}

// Verify implements runner.Step.
func (p *prepare) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	result, err := p.result(ctx, w)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range p.files(result) {
		errs = append(errs, f.verify(w))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p.outputs(result), nil
}

// An imageLookup asks the registries behind the plan's connections.
type imageLookup struct{ out *Outside }

func (l imageLookup) Labels(ctx context.Context, ref string) (map[string]string, error) {
	found, _, err := l.out.Registry().Labels(ctx, ref)
	return found, err
}

func (l imageLookup) HasTag(ctx context.Context, ref string) (bool, error) {
	return l.out.Registry().HasTag(ctx, ref)
}
