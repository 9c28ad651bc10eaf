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

// lockFlag says where the lock file is.
func lockFlag() cli.Flag {
	return &cli.StringFlag{Name: "lock", Usage: "the lock `FILE` (default: PLAN.lock.yaml)"}
}

// lockPath is where the lock file is, "" for none. A rehearsal with other
// connections does without the plan's: what tags stand for at a mock is none of its business.
func (s *session) lockPath(c *cli.Context) (string, error) {
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

// lock reads the lock file, if that is not done yet, and has the steps use it.
func (s *session) lock(c *cli.Context) error {
	if s.tags != nil {
		return nil
	}
	path, err := s.lockPath(c)
	if err != nil {
		return err
	}
	if s.tags, err = connections.ReadTagLock(path); err != nil {
		return usageError{err}
	}
	s.tags.Strict = c.Bool("locked")
	s.out.UseTagLock(s.tags)
	return nil
}

func (p *program) lockCommand() *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "look up the tags of all images and write the lock file",
		Description: "Goes through the plan as diff does and writes down which image each tag\n" +
			"stands for. What is locked stays as it is, but for what --update names, in\n" +
			"which * stands for any text: bayplan lock --update '*/nova-*'",
		Flags: append(planFlags(), stateFlag(), lockFlag(), repeated("update", "GLOB", "look up anew what GLOB matches")),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if err := s.lock(c); err != nil {
				return err
			}
			for _, pattern := range c.StringSlice("update") {
				if s.tags.Forget(pattern) == 0 {
					err := fmt.Errorf("--update %q matches no image in the lock file", pattern)
					return usageError{fault.WithHint(err, "* stands for any text, as in '*/nova-api:*'")}
				}
			}
			return s.reading(c, func(r *runner.Runner) error { return p.relock(c, s, r) })
		},
	}
}

// relock looks all tags up and writes the lock file. What failed is told, and
// the tags that were found are locked all the same.
func (p *program) relock(c *cli.Context, s *session, r *runner.Runner) error {
	report, err := r.Diff(c.Context)
	if err != nil {
		return err
	}
	if report.Count(runner.Failed, runner.Skipped, runner.Waiting, runner.CheckAfter) == 0 {
		s.tags.Prune() // every image that the plan needs was asked for
	}
	changes := s.tags.Changes()
	if err := s.tags.Save(); err != nil {
		return err
	}
	for _, ch := range changes {
		fmt.Fprintln(p.out, lockLine(ch))
	}
	fmt.Fprintf(p.out, "%s locked, %s\n", human.Count(s.tags.Len(), "tag", "tags"), human.Count(len(changes), "change", "changes"))
	return report.Err()
}

// lockLine tells how one image's entry has changed.
func lockLine(c lockfile.Change) string {
	switch {
	case c.Old == "":
		return fmt.Sprintf("+ %s %s", c.Image, c.New)
	case c.New == "":
		return fmt.Sprintf("- %s %s", c.Image, c.Old)
	}
	return fmt.Sprintf("~ %s %s -> %s", c.Image, c.Old, c.New)
}
