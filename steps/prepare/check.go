package prepare

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// Validate implements runner.Validator.
func (p *prepare) Validate() error {
	errs := []error{
		plan.At("release", setting.OneOf(p.Release, tripleo.Releases()...)),
		plan.At("format", p.checkFormat()),
		plan.At("mode", p.checkMode()),
		p.checkSatellite(),
		p.checkGiven(),
		plan.At("namespace", checkRegistryPath(p.Namespace)),
		plan.At("push_destination", checkRegistryPath(p.PushDestination)),
		plan.At("neutron_driver", p.checkDriver()),
		plan.At("logging", p.checkLogging()),
		plan.At("images_file", p.checkTargets()),
	}
	if p.TagFromLabel != "" {
		errs = append(errs, plan.At("tag_from_label", labels.Check(p.TagFromLabel)))
	}
	for i, host := range p.InsecureRegistries {
		errs = append(errs, plan.At(fmt.Sprintf("insecure_registries[%d]", i), checkRegistryHost(host)))
	}
	errs = append(errs, p.Rename.Validate("rename")...)
	errs = append(errs, checkRegexps("includes", p.Includes), checkRegexps("excludes", p.Excludes))
	return errors.Join(append(errs, p.checkSet())...)
}

// checkRegexps refuses texts that are not regular expressions.
func checkRegexps(setting string, texts []string) error {
	var errs []error
	for i, text := range texts {
		_, err := lazyregexp.Written(text)
		errs = append(errs, plan.At(fmt.Sprintf("%s[%d]", setting, i), err))
	}
	return errors.Join(errs...)
}

// checkFormat refuses an unknown format, and a format that does not fit the other
// settings.
func (p *prepare) checkFormat() error {
	if err := setting.OneOf(p.Format, tripleo.FormatNames()...); err != nil {
		return err
	}
	format, err := tripleo.FindFormat(p.Format)
	if err != nil || format.Check == nil || setting.OneOf(p.Release, tripleo.Releases()...) != nil || p.Release == "" && p.Images.IsZero() {
		return err
	}
	return format.Check(p.formatRequest())
}

// checkDriver refuses a driver that the release has no images for.
func (p *prepare) checkDriver() error {
	if err := setting.OneOf(p.NeutronDriver, "odl", "ovn", "other"); err != nil || p.NeutronDriver == "" {
		return err
	}
	if drivers := tripleo.Drivers(p.Release); drivers != nil && !slices.Contains(drivers, p.NeutronDriver) {
		return fmt.Errorf("release %s has no images for %s; its drivers are %s", p.Release, p.NeutronDriver, strings.Join(drivers, ", "))
	}
	return nil
}

// checkLogging refuses logging for a release whose catalog does not depend on it.
func (p *prepare) checkLogging() error {
	if err := setting.OneOf(p.Logging, "files", "stdout"); err != nil || p.Logging == "" {
		return err
	}
	if known, err := tripleo.Variables(p.Release); err == nil && !slices.Contains(known, "logging") {
		return fmt.Errorf("the images of release %s do not depend on it", p.Release)
	}
	return nil
}

// checkRegistryHost refuses a text that is not the host of a registry.
func checkRegistryHost(s string) error {
	if strings.Contains(s, "/") {
		return fmt.Errorf("%q is more than a registry's host; write HOST:PORT", s)
	}
	return checkRegistryPath(s)
}

// checkRegistryPath refuses a text that is not a registry's host with an optional path.
// It would end up in the names of images without being noticed.
func checkRegistryPath(s string) error {
	switch {
	case s == "":
		return nil
	case strings.Contains(s, "://"):
		return fmt.Errorf("%q holds a scheme; write HOST/NAMESPACE", s)
	case strings.HasSuffix(s, "/"), strings.HasPrefix(s, "/"):
		return fmt.Errorf("%q begins or ends with a slash", s)
	case hostname.Check(hostOf(s)) != nil:
		return hostname.Check(hostOf(s))
	case !registryPathPattern.MatchString(s):
		return fmt.Errorf("%q is not a registry's host with a path below it", s)
	case !beginsWithHost(s):
		return fault.WithHint(fmt.Errorf("%q does not begin with a registry's host", s),
			"write it with a dot or its port, as in docker.io/tripleoqueens and undercloud:8787")
	}
	return nil
}

// beginsWithHost reports whether a text begins with a host, by the rule of container
// engines. Without a host, the first part of the path would be lost in what is pushed.
func beginsWithHost(s string) bool {
	return strings.ContainsAny(hostOf(s), ".:") || hostOf(s) == "localhost"
}

func hostOf(s string) string {
	host, _, _ := strings.Cut(s, "/")
	return host
}

var registryPathPattern = lazyregexp.New(`^[0-9A-Za-z\[\]:._/-]+$`)

// checkTargets refuses a file that would be written twice, or read and written.
func (p *prepare) checkTargets() error {
	paths := p.Paths()
	if p.EnvFile != "" && p.EnvFile == p.ImagesFile {
		return errors.New("it is the same file as env_file")
	}
	for _, path := range paths.Writes {
		if slices.Contains(paths.Reads, path) {
			return fmt.Errorf("%s would be read and written", path)
		}
	}
	return nil
}

// checkLinks does the same for paths that are one file by a link.
func (p *prepare) checkLinks(w runner.World) error {
	paths := p.Paths()
	for i, path := range paths.Writes {
		fi, err := w.Stat(path)
		if err != nil {
			continue // it does not exist yet, or comparing it gives the error
		}
		for _, other := range slices.Concat(paths.Reads, paths.Writes[i+1:]) {
			if there, err := w.Stat(other); err == nil && os.SameFile(fi, there) {
				return fmt.Errorf("write %s: by a link it is the same file as %s", path, other)
			}
		}
	}
	return nil
}

// checkSet refuses variables that the release does not have, and malformed
// namespaces.
func (p *prepare) checkSet() error {
	known, err := tripleo.Variables(p.Release)
	if err != nil {
		return nil // the release is unknown, and its check reports that
	}
	if p.Template != "" {
		known = slices.Collect(maps.Keys(p.Set)) // the variables of a template are not known
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		err := setting.OneOf(name, known...)
		if err == nil && strings.HasSuffix(name, "namespace") {
			err = checkRegistryPath(p.Set[name])
		}
		errs = append(errs, plan.At("set."+name, err))
	}
	return errors.Join(errs...)
}
