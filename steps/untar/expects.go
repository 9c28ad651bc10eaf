package untar

import (
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the archive, with the files that must come out of it.
func (u *untar) Expects() []runner.Expected {
	e := runner.Expected{Kind: runner.ExpectArchive, Field: "archive", Path: string(u.Archive), Into: string(u.Into)}
	for _, x := range u.Expect {
		e.Names = append(e.Names, expectedOf(x).Name)
	}
	if u.SHA256 != "" {
		e.Pins = []string{u.SHA256}
	}
	all := []runner.Expected{e}
	if u.Into != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: "into", Path: filepath.Dir(u.into())})
	}
	return all
}

// Foresee implements runner.Foreseer.
func (u *untar) Foresee() runner.Outputs {
	if u.Into == "" {
		return nil
	}
	return runner.Outputs{"into": plan.Text(u.into())}
}

// Rehearse implements runner.Rehearser: an archive that is stood in for has other digests
// and sizes.
func (u *untar) Rehearse(r runner.Rehearsal) []string {
	if _, standIn := r.StandIn(string(u.Archive)); !standIn {
		return nil
	}
	var left []string
	if u.SHA256 != "" {
		u.SHA256 = ""
		left = append(left, "sha256: another archive stands in for it")
	}
	for i, x := range u.Expect {
		if f := expectedOf(x); f.SHA256 != "" || f.Size != "" {
			u.Expect[i] = plan.TextOr[string, expectedFile]{Text: f.Name}
			left = append(left, fmt.Sprintf("expect[%d]: the size and digest of %s", i, f.Name))
		}
	}
	return left
}
