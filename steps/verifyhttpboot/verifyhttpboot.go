// Package verifyhttpboot is the step type verify-http-boot, which checks what
// machines boot from.
package verifyhttpboot

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ipxe"
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
	// Files of the directory and what they are to be copies of, in the form of place: a path, or {from: PATH, as: NAME}.
	Files []plan.TextOr[plan.Path, hostfiles.PlacedFile] `json:"files,omitempty"`
	// Boot script in the directory, such as inspector.ipxe. It has to load a kernel and a ramdisk that are there, and give the kernel a URL to call back to: ipa-inspection-callback-url or ipa-api-url.
	Script *string `json:"script,omitempty"`
	// Where the directory is served, such as http://192.0.2.1:8088. The script and what it names are then fetched as a machine would, or the files when there is no script, and have to be what is in the directory.
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
			{Name: "files", Doc: "The files that were checked, absolute, sorted.", List: true},
			{Name: "callback_url", Doc: "The URL that the script gives the kernel to call back to; empty without a script."},
		},
		// No files are an empty list, so that those that are not known yet can be told from none.
		New: func() runner.Step {
			return &verifyHTTPBoot{Files: []plan.TextOr[plan.Path, hostfiles.PlacedFile]{}, out: out}
		},
	}
}

// errNothingToCheck tells that a step would pass whatever machines boot from.
var errNothingToCheck = errors.New("neither files nor script names anything to check")

// Validate implements runner.Validator.
func (v *verifyHTTPBoot) Validate() error {
	var errs []error
	// Without a directory nothing of the step need be known yet.
	if v.Dir != "" && v.Files != nil && len(v.Files) == 0 && v.Script == nil {
		errs = append(errs, errNothingToCheck)
	}
	for i, f := range v.Files {
		errs = append(errs, plan.At(fmt.Sprintf("files[%d]", i), setting.CheckPlainName(hostfiles.NameOf(f))))
	}
	errs = append(errs, plan.At("script", setting.CheckPlainName(v.scriptName())))
	if v.URL != "" {
		if u, err := url.Parse(v.URL); err != nil || !overHTTP(u) {
			errs = append(errs, plan.At("url", fmt.Errorf("%q is not an http or https URL", v.URL)))
		}
	}
	return errors.Join(errs...)
}

// overHTTP says whether a URL can be fetched or called as it stands.
func overHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Paths implements runner.Pather.
func (v *verifyHTTPBoot) Paths() runner.Paths {
	var paths runner.Paths
	for _, f := range v.Files {
		paths.Reads = append(paths.Reads, setting.Paths([]plan.Path{hostfiles.SourceOf(f)})...)
		if v.Dir != "" && hostfiles.NameOf(f) != "" {
			paths.Reads = append(paths.Reads, v.in(hostfiles.NameOf(f)))
		}
	}
	if v.Dir != "" && v.scriptName() != "" {
		paths.Reads = append(paths.Reads, v.in(v.scriptName()))
	}
	return paths
}

// scriptName is "" where there is no script, or none that is known yet.
func (v *verifyHTTPBoot) scriptName() string { return setting.Text(v.Script) }

func (v *verifyHTTPBoot) in(name string) string { return filepath.Join(string(v.Dir), name) }

// Inputs gives none: a check looks at every run.
func (v *verifyHTTPBoot) Inputs(context.Context, runner.World) ([]runner.Input, error) {
	return nil, nil
}

// Diff implements runner.Step. What is not as expected is an error.
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
		callback, err = v.callback(script)
		errs = append(errs, err)
	}
	served, err := v.named(w, script)
	errs = append(errs, err)
	if v.URL != "" {
		errs = append(errs, v.fetchAll(ctx, w, served)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range served {
		names = append(names, v.in(f.name))
	}
	for _, f := range v.Files {
		names = append(names, v.in(hostfiles.NameOf(f)))
	}
	slices.Sort(names)
	return runner.Outputs{"files": plan.List(slices.Compact(names)...), "callback_url": plan.Text(callback)}, nil
}

// compare tells which files are not what they are to be copies of.
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
		p := hostfiles.Copy{From: from, To: v.in(hostfiles.NameOf(f)), Size: size, SHA512: sums[runner.SHA512]}
		if err := p.Plan(ctx, w); err != nil {
			errs = append(errs, err)
		} else if p.Op != "" {
			errs = append(errs, fmt.Errorf("%s: %s", p.To, p.Note))
		}
	}
	return errs
}

// script reads the boot script, nil when there is none to read.
func (v *verifyHTTPBoot) script(w runner.World) (*ipxe.Script, error) {
	if v.scriptName() == "" {
		return nil, nil
	}
	r, err := w.Open(v.in(v.scriptName()))
	if err != nil {
		return nil, noFile(v.in(v.scriptName()), err, "put the boot script there, or correct its name under script")
	}
	defer r.Close()
	s, err := ipxe.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("%s is no boot script: %w", v.in(v.scriptName()), err)
	}
	return s, nil
}

// callback gives the URL that the kernel is told to call back to, and tells
// what is wrong with the kernel's command line.
func (v *verifyHTTPBoot) callback(s *ipxe.Script) (string, error) {
	if len(s.Kernels) == 0 {
		return "", fmt.Errorf("%s loads no kernel", v.in(v.scriptName()))
	}
	callback := ""
	var errs []error
	for _, k := range s.Kernels {
		at := fmt.Sprintf("%s, line %d", v.in(v.scriptName()), k.Line)
		to, named := k.Arg("ipa-inspection-callback-url")
		if !named {
			to, named = k.Arg("ipa-api-url")
		}
		if u, err := url.Parse(to); !named {
			errs = append(errs, fmt.Errorf("%s: the kernel gets neither ipa-inspection-callback-url nor ipa-api-url to call back to", at))
		} else if err != nil || !overHTTP(u) {
			errs = append(errs, fmt.Errorf("%s: the URL to call back to, %q, is not an http or https URL", at, to))
		}
		callback = to
		errs = append(errs, unloaded(at, k, s.Initrds))
	}
	return callback, errors.Join(errs...)
}

// unloaded tells of a ramdisk that a kernel is told of and that the script does
// not load.
func unloaded(at string, k ipxe.Kernel, initrds []ipxe.File) error {
	list, named := k.Arg("initrd")
	if !named {
		return nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.ContainsFunc(initrds, func(f ipxe.File) bool { return f.Name == name }) {
			return fmt.Errorf("%s: the kernel is told of a ramdisk %s, which the script does not load", at, name)
		}
	}
	return nil
}

// A servedFile is a file of the directory and the URL that it is fetched from.
type servedFile struct{ name, url string }

// named gives the files to fetch, and tells which are missing.
func (v *verifyHTTPBoot) named(w runner.World, s *ipxe.Script) ([]servedFile, error) {
	if s == nil {
		var files []servedFile
		for _, f := range v.Files {
			files = append(files, servedFile{hostfiles.NameOf(f), v.at(hostfiles.NameOf(f))})
		}
		return files, nil
	}
	files := []servedFile{{v.scriptName(), v.at(v.scriptName())}}
	loads := slices.Clone(s.Initrds)
	for _, k := range s.Kernels {
		loads = append(loads, k.File)
	}
	var errs []error
	if len(s.Kernels) > 0 && len(s.Initrds) == 0 {
		errs = append(errs, fmt.Errorf("%s loads no ramdisk", v.in(v.scriptName())))
	}
	for _, f := range loads {
		one, err := v.locate(w, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, line %d: %w", v.in(v.scriptName()), f.Line, err))
			continue
		}
		files = append(files, one)
	}
	return files, errors.Join(errs...)
}

func (v *verifyHTTPBoot) at(name string) string { return strings.TrimRight(v.URL, "/") + "/" + name }

// locate finds the file of the directory that a URI of the script stands for.
// Machines fill in ${settings}: those in a host's place do not matter to where
// the file is.
func (v *verifyHTTPBoot) locate(w runner.World, f ipxe.File) (servedFile, error) {
	name, absolute := f.URI, f.URI
	if scheme, rest, found := strings.Cut(f.URI, "://"); found {
		host, file, _ := strings.Cut(rest, "/")
		name = v.belowURL("/" + file)
		if strings.Contains(scheme+host, "${") {
			absolute = v.at(name)
		}
	} else {
		absolute = v.at(strings.TrimLeft(name, "/"))
	}
	name, _, _ = strings.Cut(name, "?")
	if strings.Contains(name, "${") {
		return servedFile{}, fmt.Errorf("which file %s is, only the machine that boots knows", f.URI)
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	size, err := hostfiles.Size(w, v.in(name))
	switch {
	case err != nil:
		err = noFile(v.in(name), err, "put it there, by a place step for one, or correct the script")
		return servedFile{}, fmt.Errorf("it loads %s: %w", f.URI, err)
	case size == 0:
		return servedFile{}, fmt.Errorf("it loads %s, and %s is empty", f.URI, v.in(name))
	}
	return servedFile{name, absolute}, nil
}

// belowURL takes off a path what the directory's own URL has before it.
func (v *verifyHTTPBoot) belowURL(file string) string {
	u, err := url.Parse(v.URL)
	if err != nil {
		return file
	}
	if below, ok := strings.CutPrefix(file, strings.TrimRight(u.Path, "/")+"/"); ok {
		return "/" + below
	}
	return file
}

// fetchAll fetches the files as a machine would and compares what comes.
func (v *verifyHTTPBoot) fetchAll(ctx context.Context, w runner.World, files []servedFile) []error {
	var errs []error
	for _, f := range files {
		sums, err := w.Sum(ctx, v.in(f.name), runner.SHA512)
		if errors.Is(err, fs.ErrNotExist) {
			continue // which the comparison of the directory tells
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got, err := fetchSum(ctx, v.out.Downloads(), f.url)
		switch {
		case err != nil:
			errs = append(errs, v.unserved(err))
		case got != sums[runner.SHA512]:
			err := fmt.Errorf("%s gives other bytes than %s", f.url, v.in(f.name))
			errs = append(errs, fault.WithHint(err, "does the boot server serve another directory, or a cache?"))
		}
	}
	return errs
}

// unserved tells why a machine would not get a file that is in the directory.
func (v *verifyHTTPBoot) unserved(err error) error {
	var status *download.StatusError
	gone := errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone)
	err = fmt.Errorf("fetching as a machine would: %w", err)
	if !gone {
		return err
	}
	return fault.WithHint(err, fmt.Sprintf("the file is missing on the boot server: does it serve another directory than %s?", v.Dir))
}

// A missingFile tells that a file is not there. It is fs.ErrNotExist.
type missingFile string

func (m missingFile) Error() string { return "there is no file " + string(m) }

func (missingFile) Is(err error) bool { return err == fs.ErrNotExist }

// noFile says in plain words that a file is not there, where that is what err
// tells, and what to do about it.
func noFile(file string, err error, hint string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.WithHint(missingFile(file), hint)
}

// fetchSum gives the SHA-512 of what a URL gives.
func fetchSum(ctx context.Context, client *download.Client, from string) (string, error) {
	body, err := client.Open(ctx, download.Request{URL: from})
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha512.New()
	_, err = io.Copy(sum, body)
	return hex.EncodeToString(sum.Sum(nil)), err
}
