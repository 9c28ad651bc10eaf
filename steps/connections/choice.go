package connections

import (
	"context"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// Chosen gives the tag of a repository, HOST/NAME, that is locked for a rule of the plan,
// such as "newest 13\.0-.*". Where none is locked, choose lists the tags and chooses one,
// which is then locked like the digests of tags are; where that is not allowed, Chosen
// gives an error. When the repository or the rule changes, the choice is another one.
func (s *Set) Chosen(ctx context.Context, repository, rule string, choose func(context.Context) (string, error)) (string, error) {
	missing := fmt.Errorf("%s of %s is not in the lock file", rule, repository)
	return s.chosen(ctx, lockfile.Choice(repository, rule), missing, func() (string, error) { return choose(ctx) })
}

// chosen gives what is locked by a name: a tag, or the images of a selection. Where nothing is
// locked, or all is to be chosen anew, it calls choose, once in a run, and locks what that
// gives. missing is the error where nothing is locked and nothing may be chosen.
func (s *Set) chosen(ctx context.Context, name string, missing error, choose func() (string, error)) (string, error) {
	if s.lock == nil {
		return choose()
	}
	name = s.choiceName(name)
	if value, ok := s.lock.file.Get(name); ok && !s.lock.ChooseAnew {
		return value, nil
	}
	if s.lock.Strict {
		return "", fault.WithHint(missing, "run bayplan lock, which chooses the tags and locks them")
	}
	value, err := s.lock.chosen.get(ctx, name, choose)
	switch {
	case err != nil:
		return "", err
	case s.lock.ChooseAnew:
		s.lock.file.Replace(name, value)
		return value, nil
	}
	return s.lock.file.Add(name, value), nil
}

// MovedChoice reports that another tag would be chosen now than the one that is locked,
// once in a run, as a note and for programs.
func (s *Set) MovedChoice(ctx context.Context, repository, rule string, choose func(context.Context) (string, error)) ([]string, []runner.Moved) {
	if s.lock == nil {
		return nil, nil
	}
	name := s.choiceName(lockfile.Choice(repository, rule))
	if !s.lock.ReportMoved || s.lock.Strict || s.lock.file.Before(name) == "" || !s.lock.markReported(name) {
		return nil, nil
	}
	was := s.lock.file.Before(name)
	now, err := choose(ctx)
	switch {
	case registry.KindOf(err) == registry.NotFound:
		return []string{fmt.Sprintf("%s is gone from its registry; the lock file keeps %s of it", repository, was)}, []runner.Moved{{Name: name, From: was}}
	case err != nil:
		return []string{fmt.Sprintf("whether another tag of %s would be chosen now could not be asked: %v", repository, err)}, nil
	case now == was:
		return nil, nil
	}
	return []string{fmt.Sprintf("%s of %s would choose %s now; the lock file keeps %s", rule, repository, now, was)}, []runner.Moved{{Name: name, From: was, To: now}}
}

// choiceName gives the name of a choice or a selection in the lock file: the one of its names
// that the file already has, or else the one with the registry's canonical name.
func (s *Set) choiceName(name string) string {
	name = s.canonicalChoice(name)
	if old := s.oldNames[name]; old != "" {
		return old
	}
	return name
}

// canonicalChoice gives the one name of a choice, however its registry is spelled.
func (s *Set) canonicalChoice(name string) string {
	repository, rule, _ := strings.Cut(name, " ")
	return lockfile.Choice(s.canonicalRepository(repository), rule)
}
