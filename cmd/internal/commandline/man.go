package commandline

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/manual"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/environ"
)

// ManCommand returns the command that writes the manual pages. example is one of the pages that
// its help names.
func (p *Program) ManCommand(example string) *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "write the manual pages of all commands",
		ArgsUsage: "DIR",
		Description: "Writes " + p.Name + ".1, " + example + ".1 and so on\n" +
			"into the directory DIR. The environment variable SOURCE_DATE_EPOCH, in\n" +
			"seconds since 1970, dates them.\n\n" +
			"  " + p.Name + " man ~/.local/share/man/man1 && man " + example,
		Action: p.writeManual,
	}
}

func (p *Program) writeManual(c *cli.Context) error {
	dir := c.Args().First()
	if dir == "" {
		return p.CommandError(errors.New("man: the argument DIR is missing"))
	}
	var date time.Time
	if epoch := environ.Variables(p.Env).Get("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return Usage(fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", epoch))
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
