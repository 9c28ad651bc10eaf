// Package exitcode has the exit codes of bayplan, and what each of them means.
package exitcode

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// The exit codes of a command that no signal ended.
const (
	Done    = 0
	Failed  = 1
	Usage   = 2
	Changes = 3
	Locked  = 4

	Cancelled = 5 // of bayplan-temporal alone
)

// OfSignal returns the exit code of a command that a signal ended, as shells expect it.
func OfSignal(s syscall.Signal) int { return 128 + int(s) }

// A Meaning is what an exit code means.
type Meaning struct {
	Code    int
	Summary string // for the help: fits into a line
	Detail  string // when it is used, in sentences
}

// Meanings returns what all exit codes mean.
func Meanings() []Meaning {
	return []Meaning{
		{Done, "done, or nothing to do", "Everything is as the plan says, or the command has printed what it was asked for. A diff that finds changes ends with 0, too, unless a flag asks for 3."},
		{Failed, "a step or a verification failed", "At least one step failed, a check of `verify` or `doctor` did, `apply --saved` found something that was not reviewed, or a file or the output could not be written. Steps that do not depend on what failed were run, and the state is saved."},
		{Usage, "the plan or the command line is wrong; nothing was run", "Each mistake is printed with its place. No server was asked and nothing was changed."},
		{Changes, "diff, lock or status --exit-code, or diff --moved, found something", "Only these flags give this code: there are changes, or a site is not done. A failure beside the changes gives 1."},
		{Locked, "another run holds the state", "Another `apply` of the same plan runs. The error names its process, user and host. Nothing was changed."},
		{OfSignal(syscall.SIGHUP), "the terminal has gone; the state is saved", "SIGHUP stopped the command as Ctrl-C does."},
		{OfSignal(syscall.SIGINT), "interrupted; the state is saved", "Ctrl-C (SIGINT) stopped the command: it started no further step and cancelled the running ones. The next `apply` continues. A second signal ends the process at once; the state is then what was recorded until that moment."},
		{OfSignal(syscall.SIGTERM), "terminated; the state is saved", "SIGTERM stopped the command as Ctrl-C does. `serve` ends with 0 after SIGTERM or Ctrl-C."},
	}
}

// OfSites returns what the exit codes of bayplan-temporal mean: those of bayplan that it gives, as
// they are meant there, and one of its own.
func OfSites() []Meaning {
	all := slices.DeleteFunc(Meanings(), func(m Meaning) bool { return m.Code == Changes })
	for i := range all {
		switch m := &all[i]; {
		case m.Code == Done:
			m.Detail = "All steps are as the plan says, or the command has done what it is for. `worker` ends with 0 after SIGTERM or Ctrl-C."
		case m.Code == Failed:
			m.Detail = "At least one step failed or was not done, or the server could not be asked. Steps that do not depend on what failed were run, and the states are saved."
		case m.Code == Usage:
			m.Detail = "Each mistake is printed with its place. What must not travel, or is too much for a run, is refused here, too. No run was started."
		case m.Code == Locked:
			m.Summary, m.Detail = "another run of the plan is open", "It began with another plan, other values or other flags. No run was started."
		case m.Code > 128:
			m.Summary, _, _ = strings.Cut(m.Summary, ";")
			m.Detail = "`run` shows nothing more, and the run goes on. A second signal ends the process at once."
		}
	}
	own := Meaning{Cancelled, "the run was cancelled; the states are saved", "`cancel` has ended the run: no further step began, and those that ran were stopped. The next `run` continues."}
	return slices.Insert(all, slices.IndexFunc(all, func(m Meaning) bool { return m.Code > 128 }), own)
}

// Help returns a line for each exit code.
func Help(codes []Meaning) string {
	var out strings.Builder
	for _, m := range codes {
		fmt.Fprintf(&out, "   %-3d  %s\n", m.Code, m.Summary)
	}
	return strings.TrimSuffix(out.String(), "\n")
}
