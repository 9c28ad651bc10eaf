package explain

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/runner"
)

// What --json prints, in parts. A test compares the words with those of the code.
const (
	jsonTitle = "What --json prints"
	jsonForm  = `A document is an object with "format_version": 1 and its name as "document". A
line of a stream is an object with "format_version": 1. Names are added without
a new version; none is changed or removed. Sizes are bytes, times RFC 3339, what
took time is in seconds. bayplan schema NAME prints the JSON Schema.`
	jsonDocuments = `Documents
  diff            of diff and show, and what diff --out writes
  events          of apply and verify: a stream, one event a line
  report          of a run that the state keeps: what each step changed
  validate        also for plans with mistakes
  status, why, lock, graph, explain, explain-images, history,
  doctor, version`
	jsonFailure = `A command that cannot do its work prints an object with cause, error and hint in
place of its document; in a stream, this is a line of the kind failure. Exit
codes are those without --json.`
)

// These are the words of documents with what they mean.
var (
	causes = [...]word{
		{string(document.CauseMistakes), "the plan has mistakes, which are listed; exit code 2"},
		{string(document.CauseCommandLine), "the command line is wrong; exit code 2"},
		{string(document.CauseLocked), "another run holds the state, holder says which; exit code 4"},
		{string(document.CauseDiffers), "something is not as in the saved diff; exit code 1"},
		{string(document.CauseInterrupted), "a signal stopped it; exit code 129, 130 or 143"},
		{string(document.CauseFailed), "anything else; exit code 1"},
	}
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
		{string(runner.Running), "report: it has not ended, and its run may be under way"},
		{string(runner.Failed), "error and hint say why, problems in detail"},
		{string(runner.Skipped), "blame is the failed step that it needs"},
		{string(runner.Interrupted), "a signal stopped it"},
	}
	stepStates = [...]word{
		{string(document.StateDone), "it has succeeded"},
		{string(document.StateFailed), "error says why"},
		{string(document.StateRefuted), "a verify found that it is not as wanted"},
		{string(document.StateRunning), "an apply that runs has begun it"},
		{string(document.StateInterrupted), "it was cut short by a signal, or its process has ended"},
		{string(document.StateNever), "it has not run yet"},
		{string(document.StateElsewhere), "another site has done it, and its outputs are known here"},
	}
	operations = [...]word{
		{string(runner.Create), "it is not there"},
		{string(runner.Update), "it is changed in place"},
		{string(runner.Replace), "a new one takes its name"},
		{string(runner.Remove), "it is removed"},
	}
	problemKinds = [...]word{
		{"missing", "it is not there"},
		{"drifted", "it is there, but different"},
		{"incomplete", "a part of it is not there; lacks says which"},
		{"extra", "it is there, and should not be"},
		{"failed", "it could not be brought there"},
	}
)

// A word is a value in JSON, or a key, with its meaning.
type word struct{ name, meaning string }

// A group is words that stand in the same places.
type group struct {
	title string
	words []word
}

// groups are all words of documents.
var groups = [...]group{
	{"Causes", causes[:]},
	{"Kinds of events", eventKinds[:]},
	{"Statuses of steps, in step-end events, and in diff, report, why and lock", stepStatuses[:]},
	{"States of steps in status", stepStates[:]},
	{"Operations on items", operations[:]},
	{"Kinds of problems", problemKinds[:]},
}

func jsonText() string {
	parts := []string{jsonTitle, jsonForm, jsonDocuments, jsonFailure}
	for _, g := range groups {
		parts = append(parts, g.title+"\n"+strings.TrimSuffix(listWords(g.words), "\n"))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

func listWords(words []word) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "  %-13s %s\n", w.name, w.meaning)
	}
	return b.String()
}
