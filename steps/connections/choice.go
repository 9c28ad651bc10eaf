package connections

import (
	"context"
	"fmt"

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
	if s.lock == nil {
		return choose(ctx)
	}
	name := lockfile.Choice(repository, rule)
	if tag, ok := s.lock.file.Get(name); ok {
		return tag, nil
	}
	if s.lock.Strict {
		err := fmt.Errorf("%s of %s is not in the lock file", rule, repository)
		return "", fault.WithHint(err, "run bayplan lock, which chooses the tag and locks it")
	}
	tag, err := choose(ctx)
	if err != nil {
		return "", err
	}
	return s.lock.file.Add(name, tag), nil
}

// MovedChoice reports that another tag would be chosen now than the one that is locked,
// once in a run, as a note and for programs.
func (s *Set) MovedChoice(ctx context.Context, repository, rule string, choose func(context.Context) (string, error)) ([]string, []runner.Moved) {
	name := lockfile.Choice(repository, rule)
	if s.lock == nil || !s.lock.ReportMoved || s.lock.Strict || s.lock.file.Before(name) == "" || !s.lock.markReported(name) {
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
