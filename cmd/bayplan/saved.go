package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// basis says what a diff that is made now holds for. Values that may be secret are digested with
// the salt.
func (s *session) basis(c *cli.Context, salt string) *document.Basis {
	s.graph.Plan.RevealAll(c.Context)
	b := &document.Basis{
		Made: time.Now().UTC(), Version: version(), Files: []document.FileDigest{}, Lock: s.lockDigest(c), Salt: salt,
		Vars: s.graph.Plan.VarTexts(review.Seal(salt)), Connections: s.conns.LeadTo(c.Context, review.Seal(salt)),
		Only: c.StringSlice("only"), Skip: c.StringSlice("skip"),
	}
	b.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		b.User = u.Username
	}
	for _, text := range s.graph.Plan.Texts() {
		b.Files = append(b.Files, document.FileDigest{File: filepath.Base(text.File), Digest: text.Digest})
	}
	return b
}

// masked gives a diff as others may see it, and as JSON.
func (p *program) masked(ctx context.Context, of *plan.Plan, d document.Diff) (document.Diff, []byte, error) {
	of.RevealAll(ctx)
	text, err := document.MarshalIndent(d)
	if err != nil {
		return d, nil, err
	}
	text = human.EscapeHidden(p.Secrets.JSON(text))
	d, err = review.Parse(text)
	return d, text, err
}

// printMarkdown prints a diff for a comment.
func (p *program) printMarkdown(c *cli.Context, d document.Diff) error {
	_, err := fmt.Fprint(p.Stdout, review.Markdown(d, p.Dir, c.Int("limit")))
	return err
}

// markdownFlags returns the flags of the commands that write a diff as Markdown.
func markdownFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "markdown", Usage: "print Markdown for a comment on a pull or merge request"},
		&cli.IntFlag{Name: "limit", Value: review.CommentLimit, Usage: "cut --markdown after `N` bytes"},
	}
}

// checkForm refuses flags that ask for two forms at once.
func checkForm(c *cli.Context) error {
	switch {
	case c.Bool("json") && c.Bool("markdown"):
		return commandline.Usage(errors.New("--json and --markdown are two forms; choose one"))
	case c.IsSet("limit") && !c.Bool("markdown"):
		return commandline.Usage(errors.New("--limit is for --markdown"))
	case c.Int("limit") < review.LeastLimit:
		return commandline.Usage(fmt.Errorf("--limit %d: at least %d bytes are needed", c.Int("limit"), review.LeastLimit))
	}
	return nil
}

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "print a diff that diff --out has saved",
		ArgsUsage:   "FILE",
		Description: "Reads only FILE, so it also shows a diff that no longer holds.",
		Flags:       append(markdownFlags(), commandline.JSONFlag()),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return p.CommandError(errors.New("show: the file of a saved diff is missing"))
			}
			if err := checkForm(c); err != nil {
				return err
			}
			d, err := review.Read(c.Context, c.Args().First())
			if err != nil {
				return commandline.Usage(err)
			}
			switch {
			case c.Bool("json"):
				return p.PrintDocument(d)
			case c.Bool("markdown"):
				return p.printMarkdown(c, d)
			}
			out := view.NewRelativePaths(p.Stdout, p.Dir)
			fmt.Fprintf(out, "diff of plan %s, made %s\n\n", d.Plan, d.Basis.Text())
			return view.PrintDiff(view.Screen{Out: out, Errs: view.NewRelativePaths(p.Stderr, p.Dir)}, p.Stdout, d)
		},
	}
}

// loadSaved reads the diff that apply --saved names, and compares what it was made of with
// what it would be applied to. The run is limited to the steps that the diff was made for.
func (p *program) loadSaved(c *cli.Context, s *session) (*document.Diff, error) {
	if c.IsSet("only") || c.IsSet("skip") {
		return nil, commandline.Usage(errors.New("--saved runs the steps that the diff was made for; --only and --skip are for the diff"))
	}
	saved, err := review.Read(c.Context, c.String("saved"))
	if err != nil {
		return nil, commandline.Usage(err)
	}
	for flag, ids := range map[string][]string{"only": saved.Basis.Only, "skip": saved.Basis.Skip} {
		for _, id := range ids {
			if err := c.Set(flag, id); err != nil {
				return nil, err
			}
		}
	}
	if err := review.CheckComplete(saved); err != nil {
		return nil, err
	}
	now, _, err := p.masked(c.Context, s.graph.Plan, document.Diff{Plan: s.graph.Plan.Name, Basis: s.basis(c, saved.Basis.Salt)})
	if err != nil {
		return nil, err
	}
	return &saved, review.CheckBasis(saved, now)
}

// checkSaved makes a diff and compares it with the saved one.
func (p *program) checkSaved(c *cli.Context, s *session, r *runner.Runner, saved document.Diff) error {
	if !c.Bool("quiet") {
		fmt.Fprintln(p.Stderr, "comparing what was reviewed with what would be done now")
	}
	report, err := r.Diff(c.Context)
	if err != nil {
		return err
	}
	now, err := p.reviewed(c.Context, s.graph.Plan, report)
	if err != nil {
		return err
	}
	r.Allow = review.Allow(saved)
	return review.CheckWorld(saved, now)
}

// saveDiff writes a diff to the file that --out names.
func (p *program) saveDiff(c *cli.Context, s *session, basis *document.Basis, report *runner.Report) error {
	d := document.DiffOf(s.graph.Plan.Name, report)
	d.Basis = basis
	_, text, err := p.masked(c.Context, s.graph.Plan, d)
	if err != nil {
		return err
	}
	return review.Save(c.String("out"), text)
}

// printReview prints the report of a diff for a comment.
func (p *program) printReview(c *cli.Context, of *plan.Plan, report *runner.Report) error {
	d, err := p.reviewed(c.Context, of, report)
	if err != nil {
		return err
	}
	return p.printMarkdown(c, d)
}

// reviewed gives the diff of a report without secrets.
func (p *program) reviewed(ctx context.Context, of *plan.Plan, report *runner.Report) (document.Diff, error) {
	d := p.diffsOf(of)(report)
	d.Basis = &document.Basis{Files: []document.FileDigest{}}
	d, _, err := p.masked(ctx, of, d)
	return d, err
}
