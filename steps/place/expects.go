package place

import (
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// Expects implements runner.Expecter: the files to place, and their directory.
func (p *placeFiles) Expects() []runner.Expected {
	all := []runner.Expected{{Kind: runner.ExpectDirectory, Field: "into", Path: string(p.Into)}}
	for i, f := range p.Files {
		e := runner.Expected{Kind: runner.ExpectFile, Field: fmt.Sprintf("files[%d]", i), Path: string(hostfiles.SourceOf(f))}
		if p.Into != "" && hostfiles.NameOf(f) != "" {
			e.To = filepath.Join(string(p.Into), hostfiles.NameOf(f))
		}
		all = append(all, e)
	}
	return all
}

// Rehearse implements runner.Rehearser: only root can give files away.
func (p *placeFiles) Rehearse(runner.Rehearsal) []string {
	if p.Owner == "" {
		return nil
	}
	p.Owner = ""
	return []string{"owner: the files belong to who rehearses"}
}
