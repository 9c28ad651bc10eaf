package commandline

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/page"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/runner/history"
)

// WritePage writes the page of a run without its secrets, and says so: beside JSON on standard
// error.
func (p *Program) WritePage(c *cli.Context, run *history.Run, file string) error {
	run.Redact(p.Secrets)
	err := durable.WriteFile(file, 0o644, func(w io.Writer) error { return page.Write(w, run) })
	if err != nil {
		return fmt.Errorf("write the page of the run: %w", err)
	}
	out := p.Stdout
	if c.Bool("json") {
		out = p.Stderr
	}
	_, err = fmt.Fprintf(out, "%s: %s of %s, %s\n", file, run.Mode, run.ID, run.State.Text())
	return err
}
