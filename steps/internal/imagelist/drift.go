package imagelist

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
)

// A Drift is one thing in a registry that is not as a list of images says.
type Drift fault.Problem

// Error gives one line that begins with the kind.
func (m *Drift) Error() string {
	s := fmt.Sprintf("%s: %s", m.Kind, m.Name)
	if m.What == "repository" {
		s = fmt.Sprintf("%s: repository %s", m.Kind, m.Name)
	}
	switch m.Kind {
	case "drifted":
		s += fmt.Sprintf(" is %s, ", m.Have)
		if m.Source == "" {
			s += "not " + m.Want
		} else {
			s += fmt.Sprintf("its source %s is %s", m.Source, m.Want)
		}
	case "incomplete":
		s += " lacks " + m.Lacks
	default:
		if m.Source != "" {
			s += fmt.Sprintf(" (source %s)", m.Source)
		}
	}
	if m.Untagged {
		s += "; that image is there, but not under the tag"
	}
	return s
}

// Problem gives the drift for programs to read.
func (m *Drift) Problem() fault.Problem { return fault.Problem(*m) }

// Unexpected gives an error for each of the repositories of a host. A repository
// without a tag does not count: docker-registry still lists a repository when
// everything in it is deleted.
func Unexpected(ctx context.Context, c *registry.Client, host string, names []string) []error {
	untagged := make([]bool, len(names))
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i, name := range names {
		g.Go(func() error {
			tags, err := c.Tags(ctx, host+"/"+name)
			untagged[i] = registry.KindOf(err) == registry.NotFound || err == nil && len(tags) == 0
			return nil
		})
	}
	_ = g.Wait() // none fails: a repository whose tags cannot be listed counts as tagged
	if err := ctx.Err(); err != nil {
		return []error{err}
	}
	var errs []error
	for i, name := range names {
		if !untagged[i] {
			errs = append(errs, &Drift{Kind: "extra", What: "repository", Name: host + "/" + name})
		}
	}
	return errs
}

// Difference gives the names that are not among others, which are sorted.
func Difference(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, found := slices.BinarySearch(others, name)
		return found
	})
}

// Drifts gives what is wrong with images at their destination, in the order of the
// images.
func Drifts(ctx context.Context, c *registry.Client, checked []*registry.Checked) []error {
	parts := make([][]error, len(checked))
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i, k := range checked {
		g.Go(func() error { parts[i] = driftsOf(ctx, c, k); return nil })
	}
	_ = g.Wait() // none fails
	return slices.Concat(parts...)
}

// driftsOf gives what is wrong with one image. It distinguishes a tag that stands for
// another image from a tag that does not exist. For both it says whether the expected
// image is there by its digest. If it is, the tag was moved or deleted. If it is not,
// the source has changed, or the image was never copied.
func driftsOf(ctx context.Context, c *registry.Client, k *registry.Checked) []error {
	m := Drift{What: "image", Name: k.Target, Want: k.Want, Have: k.Have}
	if !c.SameImage(k.Source, k.Target) && k.Digest == "" {
		m.Source = k.Source
	}
	switch {
	case k.Err != nil:
		return nil // Unchecked reports it
	case k.Have == k.Want:
		return lacking(m, k.Lost)
	case k.Have == "":
		m.Kind = "missing"
	default:
		m.Kind = "drifted"
	}
	m.Untagged = hasDigest(ctx, c, k)
	return []error{&m}
}

func lacking(m Drift, lost []string) []error {
	var errs []error
	for _, part := range lost {
		one := m
		one.Kind, one.Lacks = "incomplete", part
		errs = append(errs, &one)
	}
	return errs
}

// hasDigest reports whether the image is there by its digest. On an error it says no:
// the tag is wrong in any case.
func hasDigest(ctx context.Context, c *registry.Client, k *registry.Checked) bool {
	host, repository, tag, err := registry.Split(k.Target)
	if err != nil || tag == "" || k.Want == "" {
		return false
	}
	there, err := c.HasTag(ctx, host+"/"+repository+"@"+k.Want)
	return err == nil && there
}

// namesImage reports whether an error names its image first.
func namesImage(err error, image string) bool {
	var side *registry.SideError
	var answer *registry.Error
	return !errors.As(err, &side) && errors.As(err, &answer) && answer.Names(image)
}

// Unchecked gives the errors of the images that could not be checked, one for each
// cause: a registry that does not answer fails for all of them.
func Unchecked(checked []*registry.Checked) []error {
	var errs []error
	byCause := map[string][]*registry.Checked{}
	for _, k := range checked {
		if k.Err != nil {
			byCause[k.Err.Error()] = append(byCause[k.Err.Error()], k)
		}
	}
	for _, k := range checked {
		if k.Err == nil {
			continue
		}
		switch alike := byCause[k.Err.Error()]; {
		case alike[0] != k:
		case len(alike) == 1 && namesImage(k.Err, k.Target):
			errs = append(errs, k.Err)
		case len(alike) == 1:
			errs = append(errs, fmt.Errorf("%s: %w", k.Target, k.Err))
		default:
			errs = append(errs, fmt.Errorf("%s and %d more: %w", k.Target, len(alike)-1, k.Err))
		}
	}
	return errs
}
