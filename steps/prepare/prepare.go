// Package prepare is the step type prepare, which finds the container images
// that an overcloud needs and writes files that name them.
package prepare

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// prepare finds the container images that an overcloud needs and writes two
// files: one that tells the overcloud their names, and the list of images to
// mirror.
type prepare struct {
	// Release to prepare for: rhosp13, rhosp16.2 (or rhosp16) and rhosp17.1 (or rhosp17), or
	// upstream's queens, train and wallaby. rhosp13 loads the registry of environments/docker.yaml
	// ahead of your environments, so that services run in containers; queens reads your
	// environments only, as the upstream tool does. From train on, all services of your roles_file
	// run in containers that no environment maps to OS::Heat::None, a list under
	// ContainerImagePrepare in an environment is followed, and without a roles file all images are
	// taken.
	Release string `json:"release,omitempty" jsonschema:"enum=rhosp13,enum=queens,enum=rhosp16.2,enum=rhosp16,enum=train,enum=rhosp17.1,enum=rhosp17,enum=wallaby"`
	// In place of release, the images themselves, for deployments that no release's catalog is of:
	// the path of a list of images, as mirror takes it, or a list of references with their tags, in
	// which {file: PATH} and {from: HOST/NAME, tags: RULES} stand for images as they do for mirror.
	Images imagelist.List `json:"images,omitempty"`
	// Where nodes pull from: remote, where the images are made; local, the push_destination that a
	// mirror step fills; or satellite, which synchronizes them itself and serves each under a name
	// as name_template says: there every image must be found. Left out, push_destination decides.
	Mode string `json:"mode,omitempty" jsonschema:"enum=remote,enum=local,enum=satellite"`
	// How a Red Hat Satellite serves the images, for mode: satellite and format: satellite-script.
	Satellite *satelliteSettings `json:"satellite,omitempty"`
	// Name the images by digest too, in formats that can: images-list, kolla-globals,
	// registries-conf and idms. An openstack-version always does.
	Digests bool `json:"digests,omitempty"`
	// The targetVersion of an openstack-version, such as 18.0.10.
	TargetVersion string `json:"target_version,omitempty"`
	// What env_file is written as. overcloud-images-env: the Heat parameters that name the images.
	// container-image-prepare, from train on: the list that the director reads and finds images and
	// tags by itself. images-list: one image a line. kolla-globals: variables of kolla-ansible's
	// globals.yml. openstack-version: the custom resource OpenStackVersion of OpenStack on
	// OpenShift. satellite-script: a script for Satellite's hammer that makes a repository of each
	// image. registries-conf, idms and itms: a registries.conf for podman and the like, or an
	// ImageDigestMirrorSet or ImageTagMirrorSet of OpenShift, with which the images are asked for by
	// their own names and pulled from push_destination; idms has those that the list, or digests,
	// names by digest, itms the others, and registries-conf asks the mirror for digests or tags
	// alone where no image of the repository needs the other.
	Format string `json:"format,omitempty" jsonschema:"enum=overcloud-images-env,enum=container-image-prepare,enum=images-list,enum=kolla-globals,enum=openstack-version,enum=satellite-script,enum=registries-conf,enum=idms,enum=itms,default=overcloud-images-env"`
	// Registry and namespace that the images come from: registry.access.redhat.com/rhosp13.
	// Default: the release's.
	Namespace string `json:"namespace,omitempty"`
	// What image names start with; a missing hyphen is added. Default: the release's. For none,
	// write set: { name_prefix: "" }.
	Prefix string `json:"prefix,omitempty"`
	// What image names end with; a missing hyphen is added.
	Suffix string `json:"suffix,omitempty"`
	// Tag of the images, or with tag_from_label the tag whose labels are read. Default: the
	// release's.
	Tag string `json:"tag,omitempty"`
	// Find each image's tag from its own labels: a label's name, or a template such as
	// {version}-{release}.
	TagFromLabel string `json:"tag_from_label,omitempty"`
	// Registry (host, with its port and maybe a path) that the images will be mirrored to and the
	// overcloud pulls from. Where its connection says tls: disabled or insecure,
	// DockerInsecureRegistryAddress lists it. It is also what an entry of a
	// ContainerImagePrepare list means by push_destination: true, unless an environment sets
	// LocalContainerRegistry.
	PushDestination string `json:"push_destination,omitempty"`
	// Other names at push_destination: the rename of the mirror step that copies the images there.
	Rename imagelist.Renames `json:"rename,omitempty"`
	// Registries (host and port) that DockerInsecureRegistryAddress lists besides those whose
	// connection says tls: disabled or insecure: for a registry that has no connection in this
	// plan, or whose connection is another one when the plan is rehearsed.
	InsecureRegistries []string `json:"insecure_registries,omitempty"`
	// Directories whose *.yaml files are read as environments ahead of environments, each
	// directory's in the order of their names. Directories in them are not looked into, nor is a
	// file that this step writes. No others are read, not even ~/.tripleo/environments.
	EnvironmentDirectories []plan.Path `json:"environment_directories,omitempty"`
	// Heat environment files, in order; a later one wins.
	Environments []plan.Path `json:"environments,omitempty"`
	// Roles file. Default: roles_data.yaml of the template tree, or the roles that the release
	// comes with.
	RolesFile plan.Path `json:"roles_file,omitempty"`
	// Directory of the templates (/usr/share/openstack-tripleo-heat-templates) whose
	// roles_data.yaml and, for rhosp13, environments/docker.yaml are read. Default: what is built
	// in.
	Tree plan.Path `json:"tht,omitempty"`
	// Template of the list of images, such as
	// /usr/share/tripleo-common/container-images/overcloud_containers.yaml.j2. Default: the
	// release's list, which is built in.
	Template plan.Path `json:"template,omitempty"`
	// Variables of the release's template, such as ceph_namespace, ceph_image and ceph_tag. They
	// win over all other settings.
	Set map[string]string `json:"set,omitempty"`
	// Regular expressions; only images in whose name and tag one finds something are taken.
	// Then excludes has no effect. One that finds nothing in any image is an error.
	Includes []string `json:"includes,omitempty"`
	// Regular expressions; an image in whose name and tag one finds something is left out. One that
	// finds nothing in any image is an error.
	Excludes []string `json:"excludes,omitempty"`
	// Neutron driver. Default: derived from the services, or from train on from
	// NeutronMechanismDrivers.
	NeutronDriver string `json:"neutron_driver,omitempty" jsonschema:"enum=odl,enum=ovn,enum=other"`
	// Where services log to, for rhosp13 and queens: with stdout, an image that forwards it is
	// there.
	Logging string `json:"logging,omitempty" jsonschema:"enum=files,enum=stdout"`
	// File to write for the overcloud, as format says.
	EnvFile plan.Path `json:"env_file"`
	// List of images to write, for mirror. Default: none is written.
	ImagesFile plan.Path `json:"images_file,omitempty"`

	plan, id       string
	registry       tripleo.Registry
	insecure       func(host string) bool
	resolve        func(ctx context.Context, ref string) (string, error) // the digest of the lock, or else the present one
	resolvePresent func(ctx context.Context, ref string) (string, error) // the same, for an image that has to exist
	selected       imagelist.Choose
	moved          func(context.Context, []tagselect.Selection) ([]string, []runner.Moved)
	tags           map[string]string // found in this run, by what was looked up
}

// registries are what the step needs of the plan's connections.
type registries interface {
	// Labels gives the labels of an image and its digest.
	Labels(ctx context.Context, image string) (map[string]string, string, error)
	// Resolve gives the digest that a tag stands for.
	Resolve(ctx context.Context, image string) (string, error)
	// ResolvePresent does the same and asks the registry also when the tag is locked.
	ResolvePresent(ctx context.Context, image string) (string, error)
	// Selected gives the images of a selection, as they are locked or else chosen now.
	Selected(ctx context.Context, s tagselect.Selection) ([]string, error)
	// MovedSelections reports the selections that would choose others than are locked.
	MovedSelections(ctx context.Context, s []tagselect.Selection) ([]string, []runner.Moved)
	// Insecure reports whether a host is reached without verified TLS.
	Insecure(host string) bool
}

// Type gives the step type prepare.
func Type(out registries) runner.Type {
	return runner.Type{
		Name: "prepare",
		Outputs: []runner.Output{
			{Name: "env_file", Doc: "Path of the file for the overcloud.", Made: true, Local: true},
			{Name: "images_file", Doc: "Path of the list of images; empty when none is written.", Made: true, Local: true},
			{Name: "images", Doc: "The images at their source, NAME:TAG, in the order of the list.", List: true},
		},
		New: func() runner.Step {
			return &prepare{registry: imageLookup{out}, insecure: out.Insecure, resolve: out.Resolve, resolvePresent: out.ResolvePresent, selected: out.Selected, moved: out.MovedSelections}
		},
	}
}

// Sign implements runner.Signer.
func (p *prepare) Sign(plan, id string) { p.plan, p.id = plan, id }

// Inputs implements runner.Step: the files that are read, the tags that were found,
// and the registries without verified TLS.
func (p *prepare) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	request, err := p.request(w)
	if err != nil {
		return nil, err
	}
	inputs, err := fileInputs(ctx, w, request)
	if err != nil {
		return nil, err
	}
	given, err := p.givenInputs(ctx, w)
	if err != nil {
		return nil, err
	}
	inputs = append(inputs, given...)
	result, err := p.result(ctx, w)
	if err != nil {
		return nil, err
	}
	inputs = append(inputs, tagInputs(result.Images)...)
	insecure := strings.Join(result.InsecureHosts(), ", ")
	if insecure == "" {
		insecure = "none"
	}
	return append(inputs, runner.Input{Name: "insecure registries", Digest: insecure}), nil
}

// tagInputs gives the tags that were looked up. An image with several tags has all of
// them in one input.
func tagInputs(images []tripleo.Image) []runner.Input {
	var names []string
	tags := map[string][]string{}
	for _, image := range images {
		if !image.Found {
			continue
		}
		if tags[image.Name] == nil {
			names = append(names, image.Name)
		}
		if !slices.Contains(tags[image.Name], image.Tag) {
			tags[image.Name] = append(tags[image.Name], image.Tag)
		}
	}
	inputs := make([]runner.Input, len(names))
	for i, name := range names {
		inputs[i] = runner.Input{Name: "tag of " + name, Digest: strings.Join(tags[name], ", ")}
	}
	return inputs
}

// result finds the images and their tags. Tags are looked up once in a run.
func (p *prepare) result(ctx context.Context, w runner.World) (tripleo.Result, error) {
	request, err := p.request(w)
	if err != nil {
		return tripleo.Result{}, err
	}
	selection, err := p.selection(ctx, w, request)
	if err != nil {
		return tripleo.Result{}, err
	}
	if err := nothingSelected(selection, len(p.Includes) > 0); err != nil {
		return tripleo.Result{}, err
	}
	images, err := p.asServed(selection.Images)
	if err != nil {
		return tripleo.Result{}, err
	}
	if images, err = p.withTags(ctx, images); err != nil {
		return tripleo.Result{}, err
	}
	if images, err = p.withDigests(ctx, images); err != nil {
		return tripleo.Result{}, err
	}
	images, notes := p.renamed(images)
	return tripleo.Result{
		Release:    p.Release,
		Images:     images,
		Strategies: selection.Strategies,
		Satellite:  p.Satellite.satellite(),

		TargetVersion: p.TargetVersion,
		Name:          p.plan + "-" + p.id,

		Comment:        p.comment(),
		Insecure:       p.insecure,
		AlwaysInsecure: p.InsecureRegistries,
		Notes:          slices.Concat(selection.Notes, notes),
	}, nil
}

// withTags gives the images with the tags that their labels say. A tag that this run
// has found is not looked up again, so that tags do not change within a run.
func (p *prepare) withTags(ctx context.Context, images []tripleo.Image) ([]tripleo.Image, error) {
	var unknown []tripleo.Image
	for _, image := range images {
		if _, ok := p.tags[image.Lookup()]; !ok {
			unknown = append(unknown, image)
		}
	}
	found, err := tripleo.DiscoverTags(ctx, unknown, p.registry)
	if err != nil {
		return nil, err
	}
	if p.tags == nil {
		p.tags = map[string]string{}
	}
	maps.Copy(p.tags, found)
	return tripleo.WithTags(images, p.tags), nil
}

// files gives the files with their content.
func (p *prepare) files(result tripleo.Result) ([]textFile, error) {
	format, err := tripleo.FindFormat(p.Format)
	if err != nil {
		return nil, err
	}
	text, holds, err := format.Write(result)
	if err != nil {
		return nil, err
	}
	files := []textFile{{string(p.EnvFile), text, holds}}
	if p.ImagesFile != "" {
		files = append(files, textFile{string(p.ImagesFile), result.ImagesFile(), human.Count(len(result.Images), "image", "images")})
	}
	return files, nil
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
	wanted, err := p.files(result)
	if err != nil {
		return nil, err
	}
	change := &runner.Change{}
	var files []textFile
	for _, f := range wanted {
		item, err := f.diff(w)
		if err != nil {
			return nil, err
		}
		if item != nil {
			item.Old = hideSecrets(item.Old)
			files = append(files, f)
			change.Items = append(change.Items, *item)
			change.Files = append(change.Files, f.planned())
		}
	}
	finding := &runner.Finding{Outputs: p.outputs(result), Fills: fills(wanted)}
	finding.Notes, finding.Moved = p.moved(ctx, p.Images.Selections())
	finding.Notes = append(finding.Notes, p.notes(result)...)
	if len(files) > 0 {
		change.Summary = p.summary(files, result)
		change.Apply = func(ctx context.Context, progress runner.Progress) (runner.Outputs, error) {
			return nil, writeAll(ctx, files, change.Items, progress)
		}
		finding.Change = change
	}
	return finding, nil
}

// summary says what is in the files. Without images it names the usual cause, which is
// easily missed: for an upstream release, only the operator's own environments put
// services into containers.
func (p *prepare) summary(files []textFile, result tripleo.Result) string {
	notes := make([]string, len(files))
	for i, f := range files {
		notes[i] = f.note
	}
	text := strings.Join(notes, ", ")
	if len(result.Images) == 0 && len(p.Includes) == 0 && len(p.Excludes) == 0 {
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
	files, err := p.files(result)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, verifyWithoutSecrets(f, w))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p.outputs(result), nil
}
