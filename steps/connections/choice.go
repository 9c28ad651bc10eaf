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
	if s.lock == nil {
		return choose(ctx)
	}
	name := s.choiceName(repository, rule)
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
	if s.lock == nil {
		return nil, nil
	}
	name := s.choiceName(repository, rule)
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

// choiceName gives the name of a choice in the lock file: the one of its names that the
// file already has, or else the one with the registry's canonical name.
func (s *Set) choiceName(repository, rule string) string {
	name := s.canonicalChoice(lockfile.Choice(repository, rule))
	if old := s.oldNames[name]; old != "" {
		return old
	}
	return name
}

// canonicalChoice gives the one name of a choice, however its registry is spelled.
func (s *Set) canonicalChoice(name string) string {
	repository, rule, _ := strings.Cut(name, " ")
	host, repository, _, err := registry.Split(repository)
	if err != nil {
		return name
	}
	return lockfile.Choice(s.identities().Name(host)+"/"+repository, rule)
}
