package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/manual"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/environ"
)

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "write the manual pages of all commands",
		ArgsUsage: "DIR",
		Description: "Writes bayplan.1, bayplan-apply.1 and so on into the directory DIR. The\n" +
			"environment variable SOURCE_DATE_EPOCH, in seconds since 1970, dates them.\n\n" +
			"  bayplan man ~/.local/share/man/man1 && man bayplan-apply",
		Action: p.writeManual,
	}
}

func (p *program) writeManual(c *cli.Context) error {
	dir := c.Args().First()
	if dir == "" {
		return p.CommandError(errors.New("man: the argument DIR is missing"))
	}
	var date time.Time
	if epoch := environ.Variables(p.Env).Get("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return commandline.Usage(fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", epoch))
		}
		date = time.Unix(seconds, 0)
	}
	if _, err := durable.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the manual pages: %w", err)
	}
	for _, page := range manual.Pages(c.App, date) {
		if err := durable.WriteBytes(filepath.Join(dir, page.Name+".1"), 0o644, page.Text); err != nil {
			return fmt.Errorf("write a manual page: %w", err)
		}
	}
	return nil
}
