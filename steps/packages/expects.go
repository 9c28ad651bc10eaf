package packages

import (
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the package to unpack, or the repository that has
// it, and the keyring.
func (p *packageFiles) Expects() []runner.Expected {
	if len(p.Names) > 0 {
		return nil
	}
	e := runner.Expected{
		Kind: runner.ExpectPackage, Field: "rpm", Path: string(p.RPM), Into: string(p.Into), Names: p.patterns(), Format: p.Name, As: p.Arch,
	}
	if p.Repository != "" {
		e.Field, e.URL = "repository", p.Repository
	}
	if p.SHA256 != "" {
		e.Pins = []string{p.SHA256}
	}
	all := []runner.Expected{e}
	if p.Into != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: "into", Path: filepath.Dir(p.into())})
	}
	if p.Keyring != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectKeyring, Field: "keyring", Path: string(p.Keyring)})
	}
	return all
}

// Rehearse implements runner.Rehearser: nothing is installed, since that takes root and a
// repository of packages outside. A package is signed by nobody whom a rehearsal knows.
func (p *packageFiles) Rehearse(r runner.Rehearsal) []string {
	var left []string
	if len(p.Names) > 0 {
		p.installed, p.Names = p.Names, nil
		left = append(left, "names: the packages count as installed")
	}
	if p.Keyring != "" {
		p.Keyring = ""
		left = append(left, "keyring: the package has no signature to check")
	}
	source := p.Repository
	if p.RPM != "" {
		source = string(p.RPM)
	}
	if _, standIn := r.StandIn(source); standIn && p.SHA256 != "" {
		p.SHA256 = ""
		left = append(left, "sha256: another package stands in for it")
	}
	return left
}

// rehearsedOutputs are those of packages that count as installed.
func (p *packageFiles) rehearsedOutputs() runner.Outputs {
	return runner.Outputs{"files": plan.List(), "packages": plan.List(p.installed...)}
}
