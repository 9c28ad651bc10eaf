package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/sitereport"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/steps/connections"
)

// silentAfter is how old the report of a site may be.
const silentAfter = 48 * time.Hour

// sitesFlags returns the flags with which status shows sites.
func sitesFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "reports-from", Usage: "show the sites that report to `REPO`, oci://HOST/NAME"},
		&cli.StringFlag{Name: "sites", Usage: "show also the sites named in `FILE`, a tag in a line"},
		&cli.DurationFlag{Name: "silent-after", Value: silentAfter, Usage: "call a site silent after `TIME`"},
		&cli.BoolFlag{Name: "exit-code", Usage: "exit with 3 unless every site is done"},
	}
}

// checkSites gives an error for flags of status that do not belong together.
func checkSites(c *cli.Context) error {
	if c.IsSet("reports-from") {
		if c.Duration("silent-after") <= 0 {
			return commandline.Usage(errors.New("--silent-after must be longer than nothing"))
		}
		return nil
	}
	for _, flag := range []string{"sites", "silent-after", "exit-code"} {
		if c.IsSet(flag) {
			return commandline.Usage(fmt.Errorf("--%s is about sites: --reports-from names where they report to", flag))
		}
	}
	if len(planFiles(c)) > 1 {
		return commandline.Usage(errors.New("status shows the state of one plan; several are for --reports-from"))
	}
	return nil
}

// sitesStatus shows all sites that report to a repository.
func (p *program) sitesStatus(c *cli.Context) error {
	from, err := sitereport.ParseAll(c.String("reports-from"))
	if err != nil {
		return commandline.Usage(fmt.Errorf("--reports-from: %w", err))
	}
	p.reports = []string{from.Host}
	judge := sitereport.Judge{From: from, Silent: c.Duration("silent-after")}
	if c.IsSet("sites") {
		if judge.Known, err = sitereport.ReadNames(c.Context, c.String("sites")); err != nil {
			return fmt.Errorf("--sites: %w", err)
		}
	}
	var plans *connections.Set
	if c.IsSet("file") || c.IsSet("connections") {
		if plans, judge.Targets, err = p.siteTargets(c, from.Host); err != nil {
			return err
		}
	}
	conns := plans.Alone(from.Host, p.Secrets)
	if err := conns.Open(true); err != nil {
		return errors.Join(err, conns.Close())
	}
	defer conns.Close()
	found, now, err := sitereport.Read(c.Context, conns.Registry(), from)
	if err != nil {
		return err
	}
	judge.Now = now
	d := judge.Sites(found)
	if c.Bool("json") {
		err = p.PrintDocument(d)
	} else {
		err = sitereport.Table(view.NewRelativePaths(p.Stdout, p.Dir), d)
	}
	if err == nil && c.Bool("exit-code") && sitereport.Worst(d) {
		return commandline.ErrChanges
	}
	return err
}

// siteTargets reads the plans with which sites are compared, and gives the connections of one
// that has a connection for a host, if any has.
func (p *program) siteTargets(c *cli.Context, host string) (*connections.Set, []document.SiteTarget, error) {
	options, err := p.options(c)
	if err != nil {
		return nil, nil, err
	}
	var conns *connections.Set
	var targets []document.SiteTarget
	for _, file := range planFiles(c) {
		s, err := p.loadFile(c, file, options)
		if err != nil {
			return nil, nil, err
		}
		t := document.SiteTarget{Plan: s.graph.Plan.Name, PlanDigest: sitereport.PlanDigest(sitereport.OwnTexts(s.graph.Plan)), File: file}
		if b, err := os.ReadFile(lockfile.Of(s.graph.Plan.File)); err == nil {
			t.LockDigest = checksum.SHA256(b)
		}
		for _, other := range targets {
			if other.Plan == t.Plan {
				return nil, nil, commandline.Usage(fmt.Errorf("%s and %s have the same name, %s", other.File, file, t.Plan))
			}
		}
		targets = append(targets, t)
		if conns == nil || s.conns.HasRegistry(host) {
			conns = s.conns
		}
	}
	return conns, targets, nil
}
