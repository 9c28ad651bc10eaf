package verifyhttpboot

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/ipxe"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// script reads the boot script. It gives nil when the plan names none.
func (v *verifyHTTPBoot) script(w runner.World) (*ipxe.Script, error) {
	if v.scriptName() == "" {
		return nil, nil
	}
	r, err := w.Open(v.pathOf(v.scriptName()))
	if err != nil {
		return nil, noFile(v.pathOf(v.scriptName()), err, "put the boot script there, or correct its name under script")
	}
	defer r.Close()
	s, err := ipxe.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("%s is not a boot script: %w", v.pathOf(v.scriptName()), err)
	}
	return s, nil
}

// machineSettings are what the machine that boots fills in.
var machineSettings = lazyregexp.New(`\$\{[^{}]*\}`)

// callbackURL gives the URL that the kernel gets to call back to. It gives an error
// when the command line of a kernel is wrong.
func (v *verifyHTTPBoot) callbackURL(s *ipxe.Script) (string, error) {
	if len(s.Kernels) == 0 {
		return "", fmt.Errorf("%s loads no kernel", v.pathOf(v.scriptName()))
	}
	callback := ""
	var errs []error
	for _, k := range s.Kernels {
		place := fmt.Sprintf("%s, line %d", v.pathOf(v.scriptName()), k.Line)
		arg, named := k.Arg("ipa-inspection-callback-url")
		if !named {
			arg, named = k.Arg("ipa-api-url")
		}
		if err := checkHTTP(arg); !named {
			errs = append(errs, fmt.Errorf("%s: the kernel gets neither ipa-inspection-callback-url nor ipa-api-url to call back to", place))
		} else if err != nil {
			errs = append(errs, fmt.Errorf("%s: the URL to call back to: %w", place, err))
		}
		callback = arg
		errs = append(errs, checkInitrds(place, k, s.Initrds))
	}
	return callback, errors.Join(errs...)
}

// checkInitrds gives an error when the command line of a kernel names a ramdisk that
// the script does not load. place is the place of the kernel in the script.
func checkInitrds(place string, k ipxe.Kernel, initrds []ipxe.File) error {
	for _, name := range k.Ramdisks() {
		magic := name == ipxe.AllRamdisks && len(initrds) > 0
		if !magic && !slices.ContainsFunc(initrds, func(f ipxe.File) bool { return f.Name == name }) {
			return fmt.Errorf("%s: the kernel's command line names the ramdisk %s, which the script does not load", place, name)
		}
	}
	return nil
}

// filesToFetch gives the script and the files that it loads or, without a script,
// the files of the plan. It gives an error for files that are missing.
func (v *verifyHTTPBoot) filesToFetch(w runner.World, s *ipxe.Script) ([]servedFile, error) {
	if s == nil {
		var files []servedFile
		for _, f := range v.Files {
			files = append(files, servedFile{hostfiles.NameOf(f), v.urlOf(hostfiles.NameOf(f))})
		}
		return files, nil
	}
	files := []servedFile{{v.scriptName(), v.urlOf(v.scriptName())}}
	loaded := slices.Clone(s.Initrds)
	for _, k := range s.Kernels {
		loaded = append(loaded, k.File)
	}
	var errs []error
	if len(s.Kernels) > 0 && len(s.Initrds) == 0 {
		errs = append(errs, fmt.Errorf("%s loads no ramdisk", v.pathOf(v.scriptName())))
	}
	for _, f := range loaded {
		file, err := v.locate(w, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, line %d: %w", v.pathOf(v.scriptName()), f.Line, err))
			continue
		}
		files = append(files, file)
	}
	return files, errors.Join(errs...)
}

func (v *verifyHTTPBoot) urlOf(name string) string { return strings.TrimRight(v.URL, "/") + "/" + name }

// locate finds the file of the directory that a URI of the script stands for. The
// machine that boots fills in ${settings}. In the place of the host they do not matter
// for the file.
func (v *verifyHTTPBoot) locate(w runner.World, f ipxe.File) (servedFile, error) {
	name, absolute := f.URI, f.URI
	if scheme, rest, found := strings.Cut(f.URI, "://"); found {
		host, file, _ := strings.Cut(rest, "/")
		name = v.belowURL("/" + file)
		if strings.Contains(scheme+host, "${") {
			absolute = v.urlOf(name)
		}
	} else {
		absolute = v.urlOf(strings.TrimLeft(name, "/"))
	}
	name, _, _ = strings.Cut(name, "?")
	if strings.Contains(name, "${") {
		return servedFile{}, fmt.Errorf("the file %s cannot be checked: only the machine that boots knows its name", f.URI)
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	size, err := hostfiles.Size(w, v.pathOf(name))
	switch {
	case err != nil:
		err = noFile(v.pathOf(name), err, "put it there, with a place step for example, or correct the script")
		return servedFile{}, fmt.Errorf("it loads %s: %w", f.URI, err)
	case size == 0:
		return servedFile{}, fmt.Errorf("it loads %s, and %s is empty", f.URI, v.pathOf(name))
	}
	return servedFile{name, absolute}, nil
}

// belowURL removes the path of the directory's own URL from the beginning of a path.
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
