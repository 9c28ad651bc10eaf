package tagselect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
)

// A Lister lists what registries have.
type Lister interface {
	// AllTags lists the tags of a repository, HOST/NAME.
	AllTags(ctx context.Context, repository string) ([]string, error)
	// Catalog lists the repositories of a registry.
	Catalog(ctx context.Context, host string) ([]string, error)
}

// Split splits the beginning of a selection into the registry's host and the repository,
// which may be a pattern. It refuses what names an image.
func Split(from string) (host, repository string, err error) {
	if _, _, layout := registry.CutLayout(from); layout {
		return "", "", fmt.Errorf("%q is a layout; images are selected from the repositories of a registry", from)
	}
	if strings.Contains(from, "@") {
		return "", "", fmt.Errorf("%q has a digest; write the image as an item of its own", from)
	}
	host, rest, ok := strings.Cut(from, "/")
	if strings.Contains(host, "*") {
		return "", "", fmt.Errorf("%q: * stands for text in a repository's name, not in a host", from)
	}
	if strings.Contains(rest, "***") {
		return "", "", fmt.Errorf("%q has three * in a row; ** crosses slashes, and * does not", from)
	}
	// A star is read as a letter, which a repository's name may have anywhere.
	const letter = "x"
	plain := from
	if ok {
		plain = host + "/" + strings.ReplaceAll(rest, "*", letter)
	}
	h, r, tag, err := registry.Split(plain)
	switch {
	case err != nil && plain != from:
		return "", "", fmt.Errorf("%q is not of the form host/path, with * for text without a slash and ** for any text", from)
	case err != nil:
		return "", "", err
	case tag != "":
		err := fmt.Errorf("%q has the tag %s", from, tag)
		return "", "", fault.WithHint(err, "write the image as an item of its own, or choose tags with tags: {match: ...}")
	case plain == from:
		return h, r, nil
	}
	return h, rest, nil
}

// IsPattern reports whether a selection is from all repositories that a pattern matches.
func IsPattern(from string) bool { return strings.Contains(from, "*") }

// Choose lists the tags of the repositories, and chooses. It gives the choices also with
// an error of Check.
func (s Selection) Choose(ctx context.Context, l Lister) (Choices, error) {
	repositories, err := s.repositories(ctx, l)
	if err != nil {
		return nil, err
	}
	all := make(Choices, len(repositories))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(registry.MaxConcurrency)
	for i, name := range repositories {
		g.Go(func() error {
			tags, err := l.AllTags(ctx, name)
			if err != nil {
				return err
			}
			all[i], err = s.Rule.Choose(name, tags)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return all, s.Check(all)
}

// repositories gives the repositories, HOST/NAME, sorted.
func (s Selection) repositories(ctx context.Context, l Lister) ([]string, error) {
	host, pattern, err := Split(s.From)
	if err != nil {
		return nil, err
	}
	if !IsPattern(pattern) {
		return []string{host + "/" + pattern}, nil
	}
	names, err := l.Catalog(ctx, host)
	if err != nil {
		return nil, err
	}
	var all []string
	wanted := trust.NewPattern(pattern)
	for _, name := range names {
		if wanted.Matches(name) {
			all = append(all, host+"/"+name)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of the %d repositories of %s matches %s", len(names), host, pattern)
	}
	slices.Sort(all)
	return all, nil
}
