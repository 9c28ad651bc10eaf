// Package tagdiscover is the step type tag-discover, which finds the tag of an
// image from its labels, or the newest of its tags.
package tagdiscover

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// tagDiscover finds the tag of an image from its labels, and makes sure that
// the tag is there; or the newest of its tags.
type tagDiscover struct {
	// Image whose labels are read: HOST/NAME, with a tag if not latest.
	Image string `json:"image"`
	// A label's name, or a template such as {version}-{release}.
	TagFromLabel string `json:"tag_from_label,omitempty"`
	// Tag to take where the image lacks a label of tag_from_label. Without it that is an error.
	FallbackTag string `json:"fallback_tag,omitempty"`
	// In place of tag_from_label, a regular expression: of the tags that are all of what it matches, the newest is taken, by version and not as text. All tags of the repository are listed for it, so image needs no tag.
	Newest string `json:"newest,omitempty"`

	out   registries
	found *discovered // by this run: a tag must not change half-way
}

// discovered is a tag that is there.
type discovered struct {
	image  string // HOST/NAME:TAG
	tag    string
	digest string // of the image with the tag
	read   string // of the image whose labels were read
}

// registries are what the step needs of the plan's connections.
type registries interface {
	// Labels gives the labels of an image and its digest.
	Labels(ctx context.Context, image string) (map[string]string, string, error)
	// Resolve gives the digest that a tag stands for.
	Resolve(ctx context.Context, image string) (string, error)
	// MovedTags says which tags are no longer what they are locked to.
	MovedTags(ctx context.Context, images []string) []string
	// Registry gives the client for all registries.
	Registry() *registry.Client
}

// Type gives the step type tag-discover.
func Type(out registries) runner.Type {
	return runner.Type{
		Name: "tag-discover",
		Outputs: []runner.Output{
			{Name: "tag", Doc: "The tag that the labels say, 13.0-40."},
			{Name: "digest", Doc: "Digest of the image with that tag."},
			{Name: "image", Doc: "The image with that tag, HOST/NAME:TAG."},
		},
		New: func() runner.Step { return &tagDiscover{out: out} },
	}
}

// Validate implements runner.Validator.
func (s *tagDiscover) Validate() error {
	var errs []error
	if s.Image != "" {
		_, _, _, err := registry.Split(s.Image)
		errs = append(errs, plan.At("image", err))
	}
	if s.TagFromLabel != "" {
		errs = append(errs, plan.At("tag_from_label", labels.Check(s.TagFromLabel)))
	}
	if _, err := regexp.Compile(s.Newest); err != nil {
		errs = append(errs, plan.At("newest", err))
	}
	switch {
	case s.Newest != "" && s.TagFromLabel != "":
		errs = append(errs, plan.At("newest", errors.New("it goes in place of tag_from_label, not with it")))
	case s.Newest != "" && s.FallbackTag != "":
		errs = append(errs, plan.At("fallback_tag", errors.New("it is for labels that are missing, and newest reads none")))
	}
	return errors.Join(errs...)
}

// Inputs implements runner.Step: the image whose labels are read.
func (s *tagDiscover) Inputs(ctx context.Context, _ runner.World) ([]runner.Input, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: s.lookedAt(d), Digest: d.read}}, nil
}

// Diff implements runner.Step. There is never anything to do.
func (s *tagDiscover) Diff(ctx context.Context, _ runner.World, _ *runner.Record) (*runner.Finding, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: d.outputs(), Notes: s.out.MovedTags(ctx, []string{s.lookedAt(d), d.image})}, nil
}

// Verify implements runner.Step.
func (s *tagDiscover) Verify(ctx context.Context, _ runner.World) (runner.Outputs, error) {
	s.found = nil
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return d.outputs(), nil
}

func (d *discovered) outputs() runner.Outputs {
	return runner.Outputs{"tag": plan.Text(d.tag), "digest": plan.Text(d.digest), "image": plan.Text(d.image)}
}

// lookedAt is the image that decided.
func (s *tagDiscover) lookedAt(d *discovered) string {
	if s.Newest != "" {
		return d.image
	}
	return s.withTag()
}

// withTag is the image with the tag that is meant when none is written.
func (s *tagDiscover) withTag() string {
	_, _, tag, err := registry.Split(s.Image)
	if err == nil && tag == "" && !strings.Contains(s.Image, "@") {
		return s.Image + ":latest"
	}
	return s.Image
}

// discover finds the tag, once a run.
func (s *tagDiscover) discover(ctx context.Context) (*discovered, error) {
	if s.found != nil {
		return s.found, nil
	}
	find := s.byLabels
	switch {
	case s.Newest != "":
		find = s.byVersion
	case s.TagFromLabel == "":
		return nil, errors.New("neither tag_from_label nor newest says which tag is meant")
	}
	d, err := find(ctx)
	s.found = d
	return d, err
}

// byLabels reads the labels and looks for the tag that they say.
func (s *tagDiscover) byLabels(ctx context.Context) (*discovered, error) {
	have, read, err := s.out.Labels(ctx, s.withTag())
	if err != nil {
		return nil, err
	}
	tag, err := labels.Expand(s.TagFromLabel, have)
	var missing *labels.MissingError
	if errors.As(err, &missing) {
		if tag = s.FallbackTag; tag != "" {
			err = nil
		}
		err = fault.WithHint(err, "tag_from_label must name labels that the image has, or fallback_tag the tag to take then")
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", s.withTag(), err)
	}
	host, repository, _, err := registry.Split(s.Image)
	if err != nil {
		return nil, err
	}
	d := &discovered{image: host + "/" + repository + ":" + tag, tag: tag, read: read}
	if d.digest, err = s.resolve(ctx, d); err != nil {
		return nil, err
	}
	return d, nil
}

// byVersion takes the newest of the tags that match.
func (s *tagDiscover) byVersion(ctx context.Context) (*discovered, error) {
	host, repository, _, err := registry.Split(s.Image)
	if err != nil {
		return nil, err
	}
	whole, err := regexp.Compile(`^(?:` + s.Newest + `)$`)
	if err != nil {
		return nil, err
	}
	name := host + "/" + repository
	all, err := s.out.Registry().AllTags(ctx, name)
	if err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(slices.Clone(all), func(tag string) bool { return !whole.MatchString(tag) })
	if len(tags) == 0 {
		return nil, fmt.Errorf("none of the %s of %s is what %s matches", human.Count(len(all), "tag", "tags"), name, s.Newest)
	}
	tag := slices.MaxFunc(tags, registry.CompareVersions)
	d := &discovered{image: name + ":" + tag, tag: tag}
	d.digest, err = s.out.Resolve(ctx, d.image)
	d.read = d.digest
	return d, err
}

// resolve gives what the tag stands for.
func (s *tagDiscover) resolve(ctx context.Context, d *discovered) (string, error) {
	if d.image == s.withTag() {
		return d.read, nil
	}
	if host, repository, tag, err := registry.Split(d.image); err != nil || tag != d.tag {
		return "", fmt.Errorf("the labels of %s say %q, which is no tag that %s/%s could have", s.withTag(), d.tag, host, repository)
	}
	found, err := s.out.Resolve(ctx, d.image)
	if registry.KindOf(err) != registry.NotFound {
		return found, err
	}
	err = fmt.Errorf("the labels of %s say %q, but there is no tag %s", s.withTag(), d.tag, d.image)
	if d.tag == s.FallbackTag {
		err = fmt.Errorf("the fallback_tag %s is not there", d.image)
	}
	if some := someTags(ctx, s.out.Registry(), d.image); some != "" {
		err = fault.WithHint(err, some)
	}
	return "", err
}

// manyTags is how many tags a hint shows.
const manyTags = 10

// someTags says which tags there are instead, the last ones if they are many.
// It is only for a hint: when it cannot be told, nothing is said.
func someTags(ctx context.Context, client *registry.Client, image string) string {
	tags, err := client.Tags(ctx, image)
	switch {
	case err != nil || len(tags) == 0:
		return ""
	case len(tags) > manyTags:
		return fmt.Sprintf("there are %d tags, among them %s", len(tags), strings.Join(tags[len(tags)-manyTags:], ", "))
	}
	return "the tags are " + strings.Join(tags, ", ")
}
