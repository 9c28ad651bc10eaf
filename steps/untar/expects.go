package untar

import (
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the archive, with the files that must come out of it.
func (u *untar) Expects() []runner.Expected {
	e := runner.Expected{Kind: runner.ExpectArchive, Field: "archive", Path: string(u.Archive), Into: string(u.Into), Names: u.Expect}
	if u.SHA256 != "" {
		e.Pins = []string{u.SHA256}
	}
	return []runner.Expected{e}
}

// Foresee implements runner.Foreseer.
func (u *untar) Foresee() runner.Outputs {
	if u.Into == "" {
		return nil
	}
	return runner.Outputs{"into": plan.Text(u.into())}
}
