// Package packages is the step type package, which installs packages, or unpacks
// files of one package without installing it.
package packages

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/rpm"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// packageFiles brings the packages that hold the images: it installs them where
// the machine has dnf or yum, or unpacks files out of an RPM package without
// installing it, on any machine and as any user.
type packageFiles struct {
	// Packages to install with dnf or yum, as rhosp-director-images. Those that are installed stay
	// as they are. It takes root.
	Names []string `json:"names,omitempty" jsonschema:"minItems=1"`
	// Root of another system to install into; the machine itself without it.
	Root plan.Path `json:"root,omitempty"`
	// RPM package to unpack files from.
	RPM plan.Path `json:"rpm,omitempty"`
	// Address of the repository that has the package to unpack files from: the directory in which
	// repodata is.
	Repository string `json:"repository,omitempty"`
	// Name of the package in the repository, of which the newest is taken.
	Name string `json:"name,omitempty"`
	// Architecture of the package in the repository. Without it, those for this machine and those
	// for all machines count.
	Arch string `json:"arch,omitempty"`
	// Digest that the package must have, 64 lower-case hex digits. A package in a repository has
	// one in its index anyway.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
	// File of the public keys that the package's signature is believed of. With it the package must
	// be signed.
	Keyring plan.Path `json:"keyring,omitempty"`
	// Files to unpack, by their paths in the package; * and ? stand for anything but a slash. A
	// link stands for its file.
	Extract plan.TextOr[string, []string] `json:"extract,omitzero"`
	// Directory that gets the files, without the directories that they have in the package. It is
	// made when its parent is there.
	Into plan.Path `json:"into,omitempty"`

	out   hosts
	euid  int
	found *source // the package to unpack, found once in a run

	installed []string // names that count as installed: see Rehearse
}

// hosts are what the step needs of the plan's connections.
type hosts interface {
	// Downloads gives the client for web hosts.
	Downloads() *download.Client
	// CheckOthers gives an error if servers that are no connections must not be asked.
	CheckOthers(what string) error
}

// Type gives the step type package.
func Type(out hosts) runner.Type {
	return runner.Type{
		Name: "package",
		Outputs: []runner.Output{
			{Name: "files", Doc: "The files unpacked, or of the packages installed, absolute.", List: true, Made: true, Local: true},
			{Name: "packages", Doc: "The packages in full: name-version-release.arch.", List: true},
		},
		New: func() runner.Step { return &packageFiles{out: out, euid: effectiveUser()} },
	}
}

var (
	packageName = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._+~^:-]*$`)
	archName    = lazyregexp.New(`^[a-z0-9_]+$`)
)

// Validate implements runner.Validator.
func (p *packageFiles) Validate() error {
	var errs []error
	report := func(field, format string, args ...any) {
		errs = append(errs, plan.At(field, fmt.Errorf(format, args...)))
	}
	if p.Names != nil && len(p.Names) == 0 {
		report("names", "names no package")
	}
	for i, name := range p.Names {
		if name != "" && !packageName.MatchString(name) {
			report(fmt.Sprintf("names[%d]", i), "%q is not the name of a package", name)
		}
	}
	if p.Name != "" && !packageName.MatchString(p.Name) {
		report("name", "%q is not the name of a package", p.Name)
	}
	if p.Arch != "" && !archName.MatchString(p.Arch) {
		report("arch", "%q is not an architecture, such as x86_64", p.Arch)
	}
	errs = append(errs, setting.CheckDigest("sha256", p.SHA256), plan.At("repository", download.CheckURL(p.Repository)))
	errs = append(errs, p.checkPatterns()...)
	return errors.Join(append(errs, p.checkOneWay())...)
}

// checkOneWay reports settings for installing beside settings for unpacking, and
// settings for a repository beside a package file.
func (p *packageFiles) checkOneWay() error {
	unpacking := map[string]bool{
		"rpm": p.RPM != "", "repository": p.Repository != "", "extract": !p.Extract.IsZero(), "into": p.Into != "",
		"keyring": p.Keyring != "", "sha256": p.SHA256 != "", "name": p.Name != "", "arch": p.Arch != "",
	}
	if len(p.Names) > 0 {
		for _, key := range []string{"rpm", "repository", "name", "arch", "sha256", "keyring", "extract", "into"} {
			if unpacking[key] {
				err := fmt.Errorf("names installs packages; %s is for unpacking one", key)
				return plan.At(key, fault.WithHint(err, "use two steps, or leave one of the two out"))
			}
		}
	}
	switch {
	case p.RPM != "" && p.Repository != "":
		return plan.At("repository", errors.New("give either rpm or repository"))
	case p.RPM != "" && p.Name != "":
		return plan.At("name", errors.New("it is the package's name in a repository, and there is none"))
	case p.RPM != "" && p.Arch != "":
		return plan.At("arch", errors.New("it is the package's architecture in a repository, and there is none"))
	case p.Root != "" && (p.RPM != "" || p.Repository != ""):
		return plan.At("root", errors.New("it is for installing; name under into where to unpack"))
	}
	return nil
}

func (p *packageFiles) patterns() []string {
	if p.Extract.Text != "" {
		return []string{p.Extract.Text}
	}
	return p.Extract.Other
}

func (p *packageFiles) checkPatterns() []error {
	var errs []error
	for i, pattern := range p.patterns() {
		field := "extract"
		if p.Extract.Text == "" {
			field = fmt.Sprintf("extract[%d]", i)
		}
		_, err := path.Match(pattern, "/")
		switch {
		case pattern == "":
		case err != nil:
			errs = append(errs, plan.At(field, fmt.Errorf("%q is not a valid pattern", pattern)))
		case !strings.HasPrefix(pattern, "/"):
			err := fmt.Errorf("%q is not the full path of a file in a package", pattern)
			errs = append(errs, plan.At(field, fault.WithHint(err, "begin it with a slash, as in /usr/share/rhosp-director-images/*.tar")))
		}
	}
	return errs
}

// checkComplete reports missing settings. Validate cannot: a setting may be a
// reference that has no value yet.
func (p *packageFiles) checkComplete() error {
	switch {
	case len(p.Names)+len(p.installed) > 0:
		return nil
	case p.RPM == "" && p.Repository == "":
		err := errors.New("it says neither which packages to install nor which one to unpack")
		return fault.WithHint(err, "give names to install, or rpm or repository, with extract and into")
	case p.Repository != "" && p.Name == "":
		return errors.New("it gives a repository, but not the name of a package in it")
	case p.Into == "" || len(p.patterns()) == 0:
		err := errors.New("it gives a package to unpack, but not both extract and into")
		return fault.WithHint(err, "say with extract which files to unpack, and with into where to")
	}
	return nil
}

// Paths implements runner.Pather.
func (p *packageFiles) Paths() runner.Paths {
	paths := runner.Paths{
		Reads: []string{string(p.RPM), string(p.Keyring), download.LocalPath(p.Repository)},
		Into:  []string{string(p.Into)},
	}
	if p.Repository != "" {
		paths.Asks = setting.WebServer("repository", strings.TrimSuffix(p.Repository, "/")+"/"+rpm.RepoIndex)
	}
	return paths
}

// vouched gives the directory of the files if a digest or a signature says which package
// they come from.
func (p *packageFiles) vouched() []string {
	if p.Into == "" || p.SHA256 == "" && p.Keyring == "" {
		return nil
	}
	return setting.Paths([]plan.Path{p.Into})
}

// Inputs gives the package to unpack and the keyring. Installing has no inputs but
// the configuration.
func (p *packageFiles) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	if err := p.checkComplete(); err != nil || len(p.Names)+len(p.installed) > 0 {
		return nil, err
	}
	s, err := p.findSource(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.inputs, nil
}

// Diff finds the packages that are not installed, or the files that differ from the
// package to unpack.
func (p *packageFiles) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	if err := p.checkComplete(); err != nil {
		return nil, err
	}
	if len(p.installed) > 0 {
		return &runner.Finding{Outputs: p.rehearsedOutputs()}, nil
	}
	if len(p.Names) > 0 {
		return p.diffInstalled(ctx)
	}
	s, err := p.findSource(ctx, w)
	if err != nil {
		return nil, err
	}
	d := &diff{packageFiles: p, source: s, world: w}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", s.pkg.NEVRA(), err)
	}
	return &runner.Finding{Outputs: d.outputs(), Change: d.change(ctx), Notes: d.notes(), Vouched: p.vouched()}, nil
}

// Verify asks again which packages are installed, or hashes the unpacked files.
func (p *packageFiles) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	if err := p.checkComplete(); err != nil {
		return nil, err
	}
	if len(p.installed) > 0 {
		return p.rehearsedOutputs(), nil
	}
	if len(p.Names) > 0 {
		return p.verifyInstalled(ctx)
	}
	s, err := p.findSource(ctx, w)
	if err != nil {
		return nil, err
	}
	d := &diff{packageFiles: p, source: s, world: w}
	return d.outputs(), d.confirm(ctx, nil)
}

// into gives the directory as the outputs have it.
func (p *packageFiles) into() string { return filepath.Clean(string(p.Into)) }

func (p *packageFiles) target(pick rpm.Pick) string { return filepath.Join(p.into(), pick.Name) }
