// Package tagdiscover is the step type tag-discover, which finds the tag of an
// image from its labels, or the newest of its tags.
package tagdiscover

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/version"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
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
	// In place of tag_from_label, a regular expression: of the tags that are all of what it
	// matches, the newest is taken, by version and not as text: 1.10 is newer than 1.9, 13.0-43
	// than 13.0, and 1.0 than its pre-releases such as 1.0-rc1 and 1.0b2. A version is newer than
	// a day such as 20240131; words and commit ids are never taken. All tags of the repository
	// are listed for it, so image needs no tag.
	Newest string `json:"newest,omitempty"`

	out   registries
	found *discovered // kept, so that the tag does not change within a run
}

// discovered is a tag that exists.
type discovered struct {
	image      string // HOST/NAME:TAG
	tag        string
	digest     string // of the image with the tag
	readDigest string // of the image whose labels were read
}

// registries are what the step needs of the plan's connections.
type registries interface {
	// Labels gives the labels of an image and its digest.
	Labels(ctx context.Context, image string) (map[string]string, string, error)
	// Resolve gives the digest that a tag stands for.
	Resolve(ctx context.Context, image string) (string, error)
	// ResolvePresent does the same, and asks the registry also when the tag is locked.
	ResolvePresent(ctx context.Context, image string) (string, error)
	// AllTags lists the tags of a repository, once in a run.
	AllTags(ctx context.Context, repository string) ([]string, error)
	// Chosen gives the tag that is locked for a choice, or makes the choice.
	Chosen(ctx context.Context, repository, rule string, choose func(context.Context) (string, error)) (string, error)
	// MovedChoice reports that another tag would be chosen now.
	MovedChoice(ctx context.Context, repository, rule string, choose func(context.Context) (string, error)) ([]string, []runner.Moved)
	// MovedTags reports the tags that no longer stand for what they are locked to.
	MovedTags(ctx context.Context, images []string) ([]string, []runner.Moved)
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
	_, err := tagselect.Pattern(s.Newest)
	errs = append(errs, plan.At("newest", err))
	switch {
	case s.Newest != "" && s.TagFromLabel != "":
		errs = append(errs, plan.At("newest", errors.New("it goes in place of tag_from_label, not with it")))
	case s.Newest != "" && s.FallbackTag != "":
		errs = append(errs, plan.At("fallback_tag", errors.New("it is for labels that are missing, and newest reads none")))
	}
	return errors.Join(errs...)
}

// Paths implements runner.Pather.
func (s *tagDiscover) Paths() runner.Paths {
	image := s.Image
	if s.Newest == "" && image != "" {
		image = s.withTag()
	}
	asked := runner.Server{Kind: runner.RegistryServer, Field: "image"}
	if host, _, _, err := registry.Split(image); err == nil {
		asked.Hosts = []string{host}
	}
	return runner.Paths{Looks: imagelist.SourcePlaces([]string{image}), Asks: []runner.Server{asked}}
}

// Inputs implements runner.Step: the image whose labels are read.
func (s *tagDiscover) Inputs(ctx context.Context, _ runner.World) ([]runner.Input, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: s.decidingImage(d), Digest: d.readDigest}}, nil
}

// Diff implements runner.Step. It never gives a Change.
func (s *tagDiscover) Diff(ctx context.Context, _ runner.World, _ *runner.Record) (*runner.Finding, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	f := &runner.Finding{Outputs: d.outputs()}
	if s.Newest != "" {
		f.Notes, f.Moved = s.out.MovedChoice(ctx, s.repository(), s.rule(), s.chooseNewest)
	}
	notes, moved := s.out.MovedTags(ctx, []string{s.decidingImage(d), d.image})
	f.Notes, f.Moved = append(f.Notes, notes...), append(f.Moved, moved...)
	return f, nil
}

// Resolve implements runner.Resolver.
func (s *tagDiscover) Resolve(ctx context.Context, _ runner.World) (*runner.Finding, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: d.outputs()}, nil
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

// decidingImage gives the image that decides the tag: the one with the newest tag, or
// the one whose labels are read.
func (s *tagDiscover) decidingImage(d *discovered) string {
	if s.Newest != "" {
		return d.image
	}
	return s.withTag()
}

// withTag gives the image with its tag, which is latest when the plan has none.
func (s *tagDiscover) withTag() string {
	_, _, tag, err := registry.Split(s.Image)
	if err == nil && tag == "" && !strings.Contains(s.Image, "@") {
		return s.Image + ":latest"
	}
	return s.Image
}

// discover finds the tag, once in a run.
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

// byLabels makes the tag from the labels and checks that it exists.
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
	d := &discovered{image: host + "/" + repository + ":" + tag, tag: tag, readDigest: read}
	if d.digest, err = s.resolve(ctx, d); err != nil {
		return nil, err
	}
	return d, nil
}

// resolve gives the digest that the tag stands for.
func (s *tagDiscover) resolve(ctx context.Context, d *discovered) (string, error) {
	if d.image == s.withTag() {
		return d.readDigest, nil
	}
	if host, repository, tag, err := registry.Split(d.image); err != nil || tag != d.tag {
		return "", fmt.Errorf("the labels of %s say %q, which is not a valid tag of %s/%s", s.withTag(), d.tag, host, repository)
	}
	found, err := s.out.Resolve(ctx, d.image)
	if registry.KindOf(err) != registry.NotFound {
		return found, err
	}
	err = fmt.Errorf("the labels of %s say %q, but there is no tag %s", s.withTag(), d.tag, d.image)
	if d.tag == s.FallbackTag {
		err = fmt.Errorf("the fallback_tag %s does not exist", d.image)
	}
	if hint := tagsHint(ctx, s.out.Registry(), d.image); hint != "" {
		err = fault.WithHint(err, hint)
	}
	return "", err
}

// maxShownTags is how many tags a hint shows.
const maxShownTags = 10

// tagsHint names the existing tags, only the newest when there are many. It gives
// "" when they cannot be listed.
func tagsHint(ctx context.Context, client *registry.Client, image string) string {
	tags, err := client.Tags(ctx, image)
	switch {
	case err != nil || len(tags) == 0:
		return ""
	case len(tags) > maxShownTags:
		version.NewestFirst(tags)
		return fmt.Sprintf("there are %d tags, among them %s", len(tags), strings.Join(tags[:maxShownTags], ", "))
	}
	return "the tags are " + strings.Join(tags, ", ")
}
