// Package place is the step type place, which copies files into a directory that
// machines boot from.
package place

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// placeFiles copies files into a directory that machines boot from. Whoever
// fetches one at any moment gets the old file or the new one, whole: a copy
// gets its name when it is complete and on the disk, by a rename within the
// directory, of which it also takes its SELinux type.
type placeFiles struct {
	// Directory that gets the files. It has to be there; a mkdir step makes it.
	Into plan.Path `json:"into"`
	// Files to place: a path, which keeps its last name, or {from: PATH, as: NAME}, as {from:
	// images/ironic-python-agent.initramfs, as: agent.ramdisk}.
	Files []plan.TextOr[plan.Path, hostfiles.PlacedFile] `json:"files" jsonschema:"minItems=1"`
	// Permissions of the copies, as four octal digits in quotes: "0644". Left out, new ones get
	// 0644, and of those that are there it is enough that everybody can read them.
	Mode string `json:"mode,omitempty" jsonschema:"pattern=^0[0-7]{3}$"`
	// Whose the copies are: USER, USER:GROUP or :GROUP, each a name or a number. Left out, they
	// belong to who runs bayplan. Only root can give files away.
	Owner string `json:"owner,omitempty" jsonschema:"pattern=^[^:]*(:[^:]+)?$"`
}

// Type gives the step type place.
func Type() runner.Type {
	return runner.Type{
		Name:    "place",
		Outputs: []runner.Output{{Name: "files", Doc: "The copies, absolute, in the order of the plan.", List: true, Made: true, Local: true}},
		New:     func() runner.Step { return &placeFiles{} },
	}
}

// Validate implements runner.Validator.
func (p *placeFiles) Validate() error {
	var errs []error
	if p.Files != nil && len(p.Files) == 0 {
		errs = append(errs, plan.At("files", errors.New("names no file")))
	}
	seen := map[string]bool{}
	for i, f := range p.Files {
		name := hostfiles.NameOf(f)
		at := fmt.Sprintf("files[%d]", i)
		switch {
		case name == "":
			continue
		case !setting.IsPlainName(name):
			errs = append(errs, plan.At(at, setting.CheckPlainName(name)))
		case seen[name]:
			errs = append(errs, plan.At(at, fmt.Errorf("two files would be called %s", name)))
		}
		seen[name] = true
	}
	errs = append(errs, plan.At("mode", setting.CheckMode(p.Mode)))
	if user, group, both := strings.Cut(p.Owner, ":"); both && (group == "" || strings.Contains(group, ":")) {
		err := fault.WithHint(fmt.Errorf("%q is not an owner", p.Owner), fmt.Sprintf("write USER, USER:GROUP or :GROUP, such as %s", user))
		errs = append(errs, plan.At("owner", err))
	}
	return errors.Join(errs...)
}

// Paths implements runner.Pather.
func (p *placeFiles) Paths() runner.Paths {
	var paths runner.Paths
	for _, f := range p.Files {
		paths.Reads = append(paths.Reads, setting.Paths([]plan.Path{hostfiles.SourceOf(f)})...)
		if p.Into != "" && hostfiles.NameOf(f) != "" {
			paths.Writes = append(paths.Writes, filepath.Join(string(p.Into), hostfiles.NameOf(f)))
		}
	}
	return paths
}

// Inputs gives the digests of the sources.
func (p *placeFiles) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	var in []runner.Input
	for _, f := range p.Files {
		sum, err := hostfiles.PlacedSHA512(ctx, w, string(hostfiles.SourceOf(f)))
		if err != nil {
			return nil, err
		}
		in = append(in, runner.Input{Name: hostfiles.NameOf(f), Digest: "sha512:" + sum})
	}
	return in, nil
}

// Diff compares the copies with their sources.
func (p *placeFiles) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	copies, err := p.planCopies(ctx, w)
	if err != nil {
		return nil, err
	}
	change := &runner.Change{Apply: func(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
		return nil, copyAll(ctx, copies, p)
	}}
	for _, c := range copies {
		if c.Op != "" {
			change.Items = append(change.Items, c.Item())
			change.Files = append(change.Files, c.File(w))
		}
	}
	finding := &runner.Finding{Outputs: p.outputs(), Fills: hostfiles.Fills(w, copies)}
	if len(change.Items) > 0 {
		change.Summary = human.Count(len(change.Items), "file", "files")
		finding.Change = change
	}
	return finding, nil
}

func copyAll(ctx context.Context, copies []hostfiles.Copy, p runner.Progress) error {
	for _, c := range copies {
		if c.Op == "" {
			continue
		}
		if err := c.Do(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Verify compares the copies with their sources again.
func (p *placeFiles) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	copies, err := p.planCopies(ctx, w)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, c := range copies {
		if c.Op != "" {
			errs = append(errs, fmt.Errorf("%s: %s", c.To, c.Note))
		}
	}
	return p.outputs(), errors.Join(errs...)
}

// planCopies gives the copies that the plan wants, each with what has to be done.
func (p *placeFiles) planCopies(ctx context.Context, w runner.World) ([]hostfiles.Copy, error) {
	attrs := durable.Attributes{}
	attrs.Mode = setting.Mode(p.Mode, 0)
	owner, err := findOwner(p.Owner)
	if err != nil {
		return nil, err
	}
	attrs.Owner = owner
	var copies []hostfiles.Copy
	for _, f := range p.Files {
		from := string(hostfiles.SourceOf(f))
		size, err := hostfiles.Size(w, from)
		if err != nil {
			return nil, err
		}
		sum, err := hostfiles.PlacedSHA512(ctx, w, from)
		if err != nil {
			return nil, err
		}
		copies = append(copies, hostfiles.Copy{
			From: from, To: filepath.Join(string(p.Into), hostfiles.NameOf(f)),
			Size: size, SHA512: sum, Attributes: attrs,
		})
	}
	return copies, hostfiles.PlanCopies(ctx, w, string(p.Into), copies)
}

func (p *placeFiles) outputs() runner.Outputs {
	var names []string
	for _, f := range p.Files {
		names = append(names, filepath.Join(string(p.Into), hostfiles.NameOf(f)))
	}
	return runner.Outputs{"files": plan.List(names...)}
}

// findOwner gives the numbers of USER:GROUP, nil for "". It asks the host that
// bayplan runs on, so Validate cannot call it.
func findOwner(text string) (*durable.Owner, error) {
	if text == "" {
		return nil, nil
	}
	name, group, _ := strings.Cut(text, ":")
	uid, err := idOf(name, "user", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return nil, err
	}
	gid, err := idOf(group, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	return &durable.Owner{UID: uid, GID: gid}, err
}

// idOf gives the number of a user or group, -1 for an empty name. The name may be a
// number itself.
func idOf(name, kind string, find func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if id, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(id), nil
	}
	text, err := find(name)
	if err != nil {
		return 0, fault.WithHint(fmt.Errorf("this host knows no %s %q", kind, name), "write its number, or create it first")
	}
	return strconv.Atoi(text)
}
