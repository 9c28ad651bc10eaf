package commandline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// PrintDocument prints a document. A command prints at most one.
func (p *Program) PrintDocument(d document.Document) error {
	b, err := document.MarshalIndent(d)
	if err != nil {
		return err
	}
	p.printed = true
	_, err = p.Stdout.machine().Write(b)
	return err
}

// PrintLine prints a line of a stream.
func (p *Program) PrintLine(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.printed = true
	_, err = p.Stdout.machine().Write(append(b, '\n'))
	return err
}

// Asked returns the name of the document that a command line asks for with --json,
// or "". The command line may be wrong.
func (l Line) Asked(args []string) document.Name {
	cmd, flags, _ := commandOf(l.App, args)
	if cmd == nil || FindFlag(cmd.Flags, "json") == nil {
		return ""
	}
	if !slices.Contains(flags, "--json") && !slices.Contains(flags, "-json") {
		return ""
	}
	return l.Document(cmd, flags)
}

// printFailure prints the error of a command as JSON where programs expect its document. A
// document that was printed says by itself what failed, and so do the events of steps.
func (p *Program) printFailure(ctx context.Context, name document.Name, err error) error {
	if err == nil || errors.Is(err, ErrChanges) || p.printed && (name != document.EventsName || IsReported(err) || ctx.Err() != nil) {
		return err
	}
	cause := document.CauseFailed
	switch {
	case ctx.Err() != nil, CodeOf(err) == exitcode.Cancelled:
		cause = document.CauseInterrupted
	case CodeOf(err) == exitcode.Usage:
		cause = document.CauseCommandLine
	}
	b, jsonErr := document.MarshalFailure(name, document.FailureOf(err, cause))
	if jsonErr == nil {
		_, jsonErr = p.Stdout.machine().Write(b)
	}
	return errors.Join(err, jsonErr)
}
