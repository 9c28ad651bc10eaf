package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/labels"
	"github.com/bayplan/bayplan/steps/internal/registry"
)

// tagDiscover finds the tag of an image from its labels, and makes sure that
// the tag is there.
type tagDiscover struct {
	// Image whose labels are read: HOST/NAME, with a tag if not latest.
	Image string `json:"image"`
	// A label's name, or a template such as {version}-{release}.
	TagFromLabel string `json:"tag_from_label"`

	out   *Outside
	found *discovered // by this run: a tag must not change half-way
}

// discovered is a tag that is there.
type discovered struct {
	image  string // HOST/NAME:TAG
	tag    string
	digest string // of the image with the tag
	read   string // of the image whose labels were read
}

func tagDiscoverType(out *Outside) runner.Type {
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
	return errors.Join(errs...)
}

// Inputs implements runner.Step: the image whose labels are read.
func (s *tagDiscover) Inputs(ctx context.Context, _ runner.World) ([]runner.Input, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: s.withTag(), Digest: d.read}}, nil
}

// Diff implements runner.Step. There is never anything to do.
func (s *tagDiscover) Diff(ctx context.Context, _ runner.World, _ *runner.Record) (*runner.Finding, error) {
	d, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: d.outputs(), Notes: s.out.moved(ctx, []string{s.withTag(), d.image})}, nil
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

// withTag is the image with the tag that is meant when none is written.
func (s *tagDiscover) withTag() string {
	_, _, tag, err := registry.Split(s.Image)
	if err == nil && tag == "" && !strings.Contains(s.Image, "@") {
		return s.Image + ":latest"
	}
	return s.Image
}

// discover reads the labels and looks for the tag that they say.
func (s *tagDiscover) discover(ctx context.Context) (*discovered, error) {
	if s.found != nil {
		return s.found, nil
	}
	have, read, err := s.out.labels(ctx, s.withTag())
	if err != nil {
		return nil, err
	}
	tag, err := labels.Expand(s.TagFromLabel, have)
	var missing *labels.MissingError
	if errors.As(err, &missing) {
		err = fault.WithHint(err, "tag_from_label must name labels that the image has")
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
	s.found = d
	return d, nil
}

// resolve gives what the tag stands for.
func (s *tagDiscover) resolve(ctx context.Context, d *discovered) (string, error) {
	if d.image == s.withTag() {
		return d.read, nil
	}
	if host, repository, tag, err := registry.Split(d.image); err != nil || tag != d.tag {
		return "", fmt.Errorf("the labels of %s say %q, which is no tag that %s/%s could have", s.withTag(), d.tag, host, repository)
	}
	found, err := s.out.digest(ctx, d.image)
	if registry.KindOf(err) != registry.NotFound {
		return found, err
	}
	err = fmt.Errorf("the labels of %s say %q, but there is no tag %s", s.withTag(), d.tag, d.image)
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
