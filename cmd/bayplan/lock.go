package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// lockFlag returns the flag that names the lock file.
func lockFlag() cli.Flag {
	return &cli.StringFlag{Name: "lock", Usage: "the lock `FILE` (default: PLAN.lock.yaml)"}
}

// tagLockPath returns the path of the lock file, "" for none. With other
// connections it is not the plan's lock file: that must not record the tags of
// a mock registry.
func (s *session) tagLockPath(c *cli.Context) (string, error) {
	named := c.String("lock")
	switch {
	case named != "":
		return filepath.Abs(named)
	case !c.IsSet("connections"):
		file := s.graph.Plan.File
		return strings.TrimSuffix(file, filepath.Ext(file)) + ".lock.yaml", nil
	case c.Bool("locked"):
		return "", usageError{fault.WithHint(errors.New("--locked with --connections: the plan's lock file is not for other connections"), "name a lock file for these with --lock FILE")}
	}
	return "", nil
}

// loadTagLock reads the lock file once and makes the connections use it.
func (s *session) loadTagLock(c *cli.Context) error {
	if s.tags != nil {
		return nil
	}
	path, err := s.tagLockPath(c)
	if err != nil {
		return err
	}
	if s.tags, err = connections.ReadTagLock(path); err != nil {
		return usageError{err}
	}
	s.tags.Strict = c.Bool("locked")
	s.conns.UseTagLock(s.tags)
	return nil
}

func (p *program) lockCommand() *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "look up the tags of all images and write the lock file",
		Description: "Walks the plan as diff does and records the digest of each tag, and each tag that\n" +
			"newest has chosen. What is locked already stays, except what --update selects.\n" +
			"There, * matches any text: bayplan lock --update '*/nova-*'",
		Flags: append(planFlags(), stateFlag(), lockFlag(), newRepeatedFlag("update", "GLOB", "look up again what GLOB matches")),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if err := s.loadTagLock(c); err != nil {
				return err
			}
			for _, pattern := range c.StringSlice("update") {
				if s.tags.Forget(pattern) == 0 {
					err := fmt.Errorf("--update %q matches nothing in the lock file", pattern)
					return usageError{fault.WithHint(err, "* matches any text, as in '*/nova-api:*'")}
				}
			}
			return s.withReadOnlyRunner(c, func(r *runner.Runner) error { return p.updateLock(c, s, r) })
		},
	}
}

// updateLock looks up all tags and writes the lock file. If steps fail, it
// locks the tags that were found and returns the failures.
func (p *program) updateLock(c *cli.Context, s *session, r *runner.Runner) error {
	report, err := r.Diff(c.Context)
	if err != nil {
		return err
	}
	if report.Count(runner.Failed, runner.Skipped, runner.Waiting, runner.CheckAfter) == 0 {
		s.tags.Prune() // safe only now: every image of the plan was looked up
	}
	changes := s.tags.Changes()
	if err := s.tags.Save(); err != nil {
		return err
	}
	for _, ch := range changes {
		fmt.Fprintln(p.stdout, lockLine(ch))
	}
	fmt.Fprintf(p.stdout, "%s locked, %s\n", countLocked(s.tags), human.Count(len(changes), "change", "changes"))
	return report.Err()
}

// countLocked says how much is locked.
func countLocked(tags *connections.TagLock) string {
	images, choices := tags.Count()
	text := human.Count(images, "tag", "tags")
	if choices > 0 {
		text += " and " + human.Count(choices, "choice", "choices")
	}
	return text
}

// lockLine returns the output line of one changed entry.
func lockLine(c lockfile.Change) string {
	switch {
	case c.Old == "":
		return fmt.Sprintf("+ %s %s", c.Name, c.New)
	case c.New == "":
		return fmt.Sprintf("- %s %s", c.Name, c.Old)
	}
	return fmt.Sprintf("~ %s %s -> %s", c.Name, c.Old, c.New)
}
