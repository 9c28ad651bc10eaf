// Package verifyhttpboot is the step type verify-http-boot, which checks what
// machines boot from.
package verifyhttpboot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// verifyHTTPBoot checks what machines boot from: that the files in the boot
// directory are those they are to be, that the kernel and the ramdisk that a
// boot script names exist and that it says where to call back, and, with url,
// that the boot server gives a machine these very bytes.
type verifyHTTPBoot struct {
	// Directory that machines boot from.
	Dir plan.Path `json:"dir"`
	// Files of the directory and what they are to be copies of, in the form of place: a path, or
	// {from: PATH, as: NAME}.
	Files []plan.TextOr[plan.Path, hostfiles.PlacedFile] `json:"files,omitempty"`
	// Boot script in the directory, such as inspector.ipxe. It has to load a kernel and a ramdisk
	// that are there, and give the kernel a URL to call back to: ipa-inspection-callback-url or
	// ipa-api-url.
	Script *string `json:"script,omitempty"`
	// Where the directory is served, such as http://192.0.2.1:8088. The script and what it names
	// are then fetched as a machine would, or the files when there is no script, and have to be
	// what is in the directory.
	URL string `json:"url,omitempty"`

	out hosts
}

// hosts are what the step needs of the plan's connections.
type hosts interface {
	// Downloads gives the client for web hosts.
	Downloads() *download.Client
}

// Type gives the step type verify-http-boot.
func Type(out hosts) runner.Type {
	return runner.Type{
		Name:  "verify-http-boot",
		Check: true,
		Outputs: []runner.Output{
			{Name: "files", Doc: "The files that were checked, absolute, sorted.", List: true, Local: true},
			{Name: "callback_url", Doc: "The URL that the script gives the kernel to call back to; empty without a script."},
		},
		// Files begins as an empty list. It is nil when it is a reference that is not known yet.
		New: func() runner.Step {
			return &verifyHTTPBoot{Files: []plan.TextOr[plan.Path, hostfiles.PlacedFile]{}, out: out}
		},
	}
}

// errNothingToCheck is about a step that would pass whatever machines boot from.
var errNothingToCheck = errors.New("neither files nor script names anything to check")

// Validate implements runner.Validator.
func (v *verifyHTTPBoot) Validate() error {
	var errs []error
	// Without a directory, other settings may not be known yet either.
	if v.Dir != "" && v.Files != nil && len(v.Files) == 0 && v.Script == nil {
		errs = append(errs, errNothingToCheck)
	}
	for i, f := range v.Files {
		errs = append(errs, plan.At(fmt.Sprintf("files[%d]", i), setting.CheckPlainName(hostfiles.NameOf(f))))
	}
	errs = append(errs, plan.At("script", setting.CheckPlainName(v.scriptName())))
	if v.URL != "" {
		errs = append(errs, plan.At("url", checkHTTP(v.URL)))
	}
	return errors.Join(errs...)
}

// checkHTTP gives an error for a URL that cannot be fetched over HTTP. The machine that
// boots may fill in its host.
func checkHTTP(raw string) error {
	u, err := url.Parse(machineSettings.ReplaceAllString(raw, "x"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http or https URL", raw)
	}
	return hostname.Check(u.Host)
}

// Paths implements runner.Pather.
func (v *verifyHTTPBoot) Paths() runner.Paths {
	var paths runner.Paths
	for _, f := range v.Files {
		paths.Reads = append(paths.Reads, setting.Paths([]plan.Path{hostfiles.SourceOf(f)})...)
		if v.Dir != "" && hostfiles.NameOf(f) != "" {
			paths.Reads = append(paths.Reads, v.pathOf(hostfiles.NameOf(f)))
		}
	}
	if v.Dir != "" && v.scriptName() != "" {
		paths.Reads = append(paths.Reads, v.pathOf(v.scriptName()))
		paths.Scans = setting.Paths([]plan.Path{v.Dir}) // the script says which files
	}
	if v.URL != "" {
		paths.Asks = setting.WebServer("url", strings.TrimSuffix(v.URL, "/")+"/")
	}
	return paths
}

// scriptName gives the name of the script, or "" when there is none or it is not
// known yet.
func (v *verifyHTTPBoot) scriptName() string { return setting.Text(v.Script) }

func (v *verifyHTTPBoot) pathOf(name string) string { return filepath.Join(string(v.Dir), name) }

// Inputs gives none: the step checks at every run.
func (v *verifyHTTPBoot) Inputs(context.Context, runner.World) ([]runner.Input, error) {
	return nil, nil
}

// Diff implements runner.Step. It gives an error when something is not as expected.
func (v *verifyHTTPBoot) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := v.Verify(ctx, w)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: outputs}, nil
}

// Verify implements runner.Step.
func (v *verifyHTTPBoot) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	if len(v.Files) == 0 && v.scriptName() == "" {
		return nil, errNothingToCheck
	}
	errs := v.compare(ctx, w)
	script, err := v.script(w)
	errs = append(errs, err)
	callback := ""
	if script != nil {
		callback, err = v.callbackURL(script)
		errs = append(errs, err)
	}
	served, err := v.filesToFetch(w, script)
	errs = append(errs, err)
	if v.URL != "" {
		errs = append(errs, v.fetchAll(ctx, w, served)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range served {
		names = append(names, v.pathOf(f.name))
	}
	for _, f := range v.Files {
		names = append(names, v.pathOf(hostfiles.NameOf(f)))
	}
	slices.Sort(names)
	return runner.Outputs{"files": plan.List(slices.Compact(names)...), "callback_url": plan.Text(callback)}, nil
}

// compare gives an error for each file that is not a copy of its source.
func (v *verifyHTTPBoot) compare(ctx context.Context, w runner.World) []error {
	var errs []error
	for _, f := range v.Files {
		from := string(hostfiles.SourceOf(f))
		size, err := hostfiles.Size(w, from)
		if err != nil {
			errs = append(errs, noFile(from, err, "put it there, or correct the path under files"))
			continue
		}
		sums, err := w.Sum(ctx, from, runner.SHA512)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p := hostfiles.Copy{From: from, To: v.pathOf(hostfiles.NameOf(f)), Size: size, SHA512: sums[runner.SHA512]}
		if err := p.Plan(ctx, w); err != nil {
			errs = append(errs, err)
		} else if p.Op != "" {
			errs = append(errs, fmt.Errorf("%s: %s", p.To, p.Note))
		}
	}
	return errs
}

// A missingFile is the error for a file that does not exist. It is fs.ErrNotExist.
type missingFile string

func (m missingFile) Error() string { return "there is no file " + string(m) }

func (missingFile) Is(err error) bool { return err == fs.ErrNotExist }

// noFile replaces an error about a file that does not exist by one in plain words
// with a hint. Other errors stay.
func noFile(file string, err error, hint string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.WithHint(missingFile(file), hint)
}
