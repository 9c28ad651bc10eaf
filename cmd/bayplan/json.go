package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/document"
)

// printDocument prints a document. A command prints at most one.
func (p *program) printDocument(d document.Document) error {
	b, err := document.MarshalIndent(d)
	if err != nil {
		return err
	}
	p.printed = true
	_, err = p.stdout.machine().Write(b)
	return err
}

// printLine prints a line of a stream.
func (p *program) printLine(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.printed = true
	_, err = p.stdout.machine().Write(append(b, '\n'))
	return err
}

// askedDocument returns the name of the document that a command line asks for with --json,
// or "". The command line may be wrong.
func askedDocument(app *cli.App, args []string) document.Name {
	cmd, flags := commandOf(app, args)
	if cmd == nil || findFlag(cmd.Flags, "json") == nil {
		return ""
	}
	if !slices.Contains(flags, "--json") && !slices.Contains(flags, "-json") {
		return ""
	}
	switch cmd.Name {
	case "apply", "verify":
		return document.EventsName
	case "show":
		return document.DiffName
	case "status":
		if slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "reports-from") }) {
			return document.SitesName
		}
	}
	return document.Name(cmd.Name)
}

// printFailure prints the error of a command as JSON where programs expect its document. A
// document that was printed says by itself what failed, and so do the events of steps.
func (p *program) printFailure(ctx context.Context, name document.Name, err error) error {
	if err == nil || errors.Is(err, errChanges) || p.printed && (name != document.EventsName || errors.As(err, new(reportedError)) || ctx.Err() != nil) {
		return err
	}
	cause := document.CauseFailed
	switch {
	case ctx.Err() != nil:
		cause = document.CauseInterrupted
	case codeOf(err) == exitUsage:
		cause = document.CauseCommandLine
	}
	b, jsonErr := document.MarshalFailure(name, document.FailureOf(err, cause))
	if jsonErr == nil {
		_, jsonErr = p.stdout.machine().Write(b)
	}
	return errors.Join(err, jsonErr)
}
