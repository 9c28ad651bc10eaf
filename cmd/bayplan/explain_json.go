package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/bayplan/bayplan/runner"
)

// jsonHelp says what --json prints. A test compares its words with those of the code.
const jsonHelp = `What --json prints

Every document and every line is an object with "bayplan": 1, the version of the
form. Names are added without a new version; none is changed or removed.

Commands
  apply, verify   one event a line, see below
  diff            mode, steps (id, type, status, summary, items, outputs, why,
                  blame, error, hint, problems, notes, bytes, took), items,
                  bytes, summary
  why             step (as in diff), first, last, inputs, upstream
  lock            tags, choices, changes, mode, steps (as in diff)
  status          plan, steps (id, type, state, at, error, record)
  explain-images  steps (step, images)
  validate        mistakes and warnings (file, line, column, message, hint)
  version         version, go, os, arch
Every command prints the document of validate in place of its own where the plan
has mistakes; its exit code is then 2.

Kinds of events
%s
Statuses of steps, in step-end events and in diff
%s
States of steps in status
  done, failed, refuted (by a verify), running, interrupted, never

Kinds of problems
  missing, drifted (there, but different), incomplete, extra
`

// These are the kinds of events and the statuses, with what they mean.
var (
	eventKinds = [...]word{
		{string(runner.RunBegin), "the run begins; items is the number of its steps"},
		{string(runner.StepBegin), "a step begins to look"},
		{string(runner.StepChange), "it begins to change things; items and total say how much"},
		{string(runner.ItemDone), "one item is finished"},
		{string(runner.Ticked), "bytes of total are moved, and items finished"},
		{string(runner.Retrying), "an attempt failed; the next one follows after wait seconds"},
		{string(runner.Debug), "for whoever fixes bayplan: the stack of a panic"},
		{string(runner.StepEnd), "a step has ended, or will not run; status says how"},
		{string(runner.RunEnd), "the run has ended; message is its summary"},
	}
	stepStatuses = [...]word{
		{string(runner.ToCreate), "diff: everything that it would touch is new"},
		{string(runner.ToChange), "diff: it would change something"},
		{string(runner.Waiting), "diff: it needs what only another step can tell"},
		{string(runner.CheckAfter), "diff: a check, after steps that would change something"},
		{string(runner.Changed), "apply: it has changed something"},
		{string(runner.Adopted), "apply: found as wanted, and recorded now"},
		{string(runner.Unchanged), "apply, diff: nothing to do"},
		{string(runner.Verified), "verify: found as wanted"},
		{string(runner.LookedUp), "lock: its tags are looked up"},
		{string(runner.NotAsked), "lock: it has no source that is asked for tags"},
		{string(runner.Failed), "error and hint say why, problems in detail"},
		{string(runner.Skipped), "blame is the failed step that it needs"},
		{string(runner.Interrupted), "a signal stopped it"},
	}
)

// A word is a value in JSON with its meaning.
type word struct{ name, meaning string }

// explainJSON prints the form of all JSON.
func (p *program) explainJSON() error {
	_, err := io.WriteString(p.stdout, fmt.Sprintf(jsonHelp, listWords(eventKinds[:]), listWords(stepStatuses[:])))
	return err
}

func listWords(words []word) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "  %-13s %s\n", w.name, w.meaning)
	}
	return b.String()
}
