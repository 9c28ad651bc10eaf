package tagdiscover

import (
	"context"
	"fmt"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
)

// byVersion takes the tag that is locked for newest, or the newest of the matching tags.
func (s *tagDiscover) byVersion(ctx context.Context) (*discovered, error) {
	tag, err := s.out.Chosen(ctx, s.repository(), s.rule(), s.chooseNewest)
	if err != nil {
		return nil, err
	}
	d := &discovered{image: s.repository() + ":" + tag, tag: tag}
	d.digest, err = s.out.ResolvePresent(ctx, d.image)
	d.readDigest = d.digest
	return d, err
}

// repository gives the image's repository, HOST/NAME.
func (s *tagDiscover) repository() string {
	host, repository, _, err := registry.Split(s.Image)
	if err != nil {
		return s.Image // Validate refuses it
	}
	return host + "/" + repository
}

// rule is the text that the lock file has for the choice: the tag is chosen anew when
// it changes.
func (s *tagDiscover) rule() string { return "newest " + s.Newest }

// chooseNewest lists the tags and chooses the newest that matches.
func (s *tagDiscover) chooseNewest(ctx context.Context) (string, error) {
	name := s.repository()
	all, err := s.out.AllTags(ctx, name)
	if err != nil {
		return "", err
	}
	choice, err := tagselect.Rule{Match: []string{s.Newest}, Newest: 1}.Choose(name, all)
	if err != nil {
		return "", err
	}
	if len(choice.Chosen) == 1 {
		return choice.Chosen[0], nil
	}
	matching := choice.Stages[len(choice.Stages)-2].Left // the last stage is newest
	if matching == 0 {
		return "", fmt.Errorf("%s matches none of the %s of %s", s.Newest, human.Count(len(all), "tag", "tags"), name)
	}
	err = fmt.Errorf("none of the %s of %s that %s matches names a version", human.Count(matching, "tag", "tags"), name, s.Newest)
	return "", fault.WithHint(err, "write the tag itself in place of newest: words and commit ids have no order")
}
