package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// lockFlag returns the flag that names the lock file.
func lockFlag() cli.Flag {
	return &cli.StringFlag{Name: "lock", Usage: "the lock `FILE` (default: PLAN.lock.yaml)"}
}

// unreadTagLocks returns a warning for each lock file beside a plan without a lock file
// whose own plan is gone: the plan may have had that name. shown is the name of the plan
// in the warning.
func unreadTagLocks(planFile, shown string) plan.Errors {
	own := lockfile.Of(planFile)
	if exists(own) {
		return nil
	}
	others, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(planFile)), "*.lock.yaml"))
	if err != nil {
		return nil
	}
	var warnings plan.Errors
	for _, other := range others {
		stem := strings.TrimSuffix(other, ".lock.yaml")
		if !exists(stem) && !exists(stem+".yaml") && !exists(stem+".yml") {
			warnings = append(warnings, &plan.Error{
				File: shown,
				Msg:  fmt.Sprintf("%s is not read: the lock file of this plan is %s", other, own),
				Hint: fmt.Sprintf("if the plan was renamed, rename the lock file too: mv %s %s", filepath.Base(other), filepath.Base(own)),
			})
		}
	}
	return warnings
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// escapeGlob makes a pattern that matches only the path itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
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
		return lockfile.Of(s.graph.Plan.File), nil
	case c.Bool("locked"):
		return "", commandline.Usage(fault.WithHint(errors.New("--locked with --connections: the plan's lock file is not for other connections"), "name a lock file for these with --lock FILE"))
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
		return commandline.Usage(err)
	}
	s.tags.Strict = c.Bool("locked")
	s.conns.UseTagLock(s.tags)
	return nil
}

func (p *program) lockCommand() *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "look up the tags of all images and write the lock file",
		Description: "Asks only the sources of images. What is chosen among tags, by newest or by\n" +
			"from: of a list, is chosen anew. The digest of a tag that is locked already\n" +
			"stays, except for what --update selects. There, * matches any text:\n" +
			"\"bayplan lock --update '*/nova-*'\"",
		Flags: append(planFlags(), stateFlag(), lockFlag(),
			commandline.NewRepeated("update", "GLOB", "look up again what GLOB matches"),
			commandline.NewRepeated("only", "ID", "look up the images of step ID only"),
			commandline.NewRepeated("skip", "ID", "do not look up the images of step ID"),
			&cli.BoolFlag{Name: "exit-code", Usage: "exit with 3 if the lock file changes"},
			commandline.JSONFlag()),
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
					return commandline.Usage(fault.WithHint(err, "* matches any text, as in '*/nova-api:*'"))
				}
			}
			s.tags.ChooseAnew = true
			return s.withReadOnlyRunner(c, func(r *runner.Runner) error { return p.updateLock(c, s, r) })
		},
	}
}

// lookUp looks up all tags. On a terminal it shows how far that is.
func (p *program) lookUp(c *cli.Context, r *runner.Runner) (*runner.Report, error) {
	if !p.Draws() || c.Bool("json") {
		return r.LookUp(c.Context)
	}
	v := p.DrawnUntil(c, waits(r), view.NewEnd(func(*runner.Report) error { return nil }))
	r.Observe = v.Observe
	report, err := r.LookUp(c.Context)
	if report == nil {
		return nil, err
	}
	return report, errors.Join(err, v.End(report))
}

// updateLock looks up all tags and writes the lock file. If steps fail, it
// locks the tags that were found and returns the failures.
func (p *program) updateLock(c *cli.Context, s *session, r *runner.Runner) error {
	report, err := p.lookUp(c, r)
	if err != nil {
		return err
	}
	if report.Count(runner.Failed, runner.Skipped, runner.Waiting) == 0 && len(r.Only)+len(r.Skip) == 0 {
		s.tags.Prune() // safe only now: every image of the plan was looked up
	} else {
		s.tags.Recall() // what --update forgot, and a step that failed or is left out has not looked up
	}
	changes := s.tags.Changes()
	if err := s.tags.Save(); err != nil {
		return err
	}
	if err := p.printLock(c, s, report, changes); err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return commandline.ShownByView(err)
	}
	if c.Bool("exit-code") && len(changes) > 0 {
		return commandline.ErrChanges
	}
	return nil
}

// printLock prints what has changed, and on standard error the steps whose images
// were not all looked up.
func (p *program) printLock(c *cli.Context, s *session, report *runner.Report, changes []lockfile.Change) error {
	people := view.NewRelativePaths(p.Stderr, p.Dir)
	for _, step := range report.Steps {
		switch step.Status {
		case runner.Waiting, runner.Skipped:
			fmt.Fprintf(people, "%s: %s\n", step.ID, step.Why)
		case runner.Failed:
			view.PrintFailure(people, step)
		}
	}
	if c.Bool("json") {
		tags, choices := s.tags.Count()
		return p.PrintDocument(document.LockOf(s.graph.Plan.Name, tags, choices, changes, report))
	}
	for _, ch := range changes {
		fmt.Fprintln(p.Stdout, lockLine(ch))
	}
	_, err := fmt.Fprintf(p.Stdout, "%s locked, %s\n", countLocked(s.tags), human.Count(len(changes), "change", "changes"))
	return err
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
