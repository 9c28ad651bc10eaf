package prepare

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/labels"
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
		plan.At("namespace", registryPath(p.Namespace)),
		plan.At("push_destination", registryPath(p.PushDestination)),
		plan.At("neutron_driver", p.checkDriver()),
		plan.At("logging", p.checkLogging()),
		plan.At("images_file", p.checkTargets()),
	}
	if p.TagFromLabel != "" {
		errs = append(errs, plan.At("tag_from_label", labels.Check(p.TagFromLabel)))
	}
	for i, host := range p.InsecureRegistries {
		errs = append(errs, plan.At(fmt.Sprintf("insecure_registries[%d]", i), registryHost(host)))
	}
	errs = append(errs, expressions("includes", p.Includes), expressions("excludes", p.Excludes))
	return errors.Join(append(errs, p.checkSet())...)
}

// expressions refuses what is no regular expression.
func expressions(setting string, texts []string) error {
	var errs []error
	for i, text := range texts {
		_, err := regexp.Compile(text)
		errs = append(errs, plan.At(fmt.Sprintf("%s[%d]", setting, i), err))
	}
	return errors.Join(errs...)
}

// checkFormat refuses a format that there is none of, or that the settings
// cannot be written in.
func (p *prepare) checkFormat() error {
	if err := setting.OneOf(p.Format, tripleo.FormatNames()...); err != nil {
		return err
	}
	format, err := tripleo.FindFormat(p.Format)
	if err != nil || format.Check == nil || setting.OneOf(p.Release, tripleo.Releases()...) != nil || p.Release == "" && p.Images.IsZero() {
		return err
	}
	return format.Check(p.checked())
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

// checkLogging refuses a setting that the release's catalog does not have.
func (p *prepare) checkLogging() error {
	if err := setting.OneOf(p.Logging, "files", "stdout"); err != nil || p.Logging == "" {
		return err
	}
	if known, err := tripleo.Variables(p.Release); err == nil && !slices.Contains(known, "logging") {
		return fmt.Errorf("the images of release %s do not depend on it", p.Release)
	}
	return nil
}

// registryHost refuses what is no registry's host.
func registryHost(s string) error {
	if strings.Contains(s, "/") {
		return fmt.Errorf("%q is more than a registry's host; write HOST:PORT", s)
	}
	return registryPath(s)
}

// registryPath refuses what would end up in image names unseen.
func registryPath(s string) error {
	switch {
	case s == "":
		return nil
	case strings.Contains(s, "://"):
		return fmt.Errorf("%q holds a scheme; write HOST/NAMESPACE", s)
	case strings.HasSuffix(s, "/"), strings.HasPrefix(s, "/"):
		return fmt.Errorf("%q has a slash too many at an end", s)
	case !registryPathText.MatchString(s):
		return fmt.Errorf("%q is not a registry's host with a path below it", s)
	case !beginsWithHost(s):
		return fault.WithHint(fmt.Errorf("%q does not begin with a registry's host", s),
			"write it with a dot or its port, as in docker.io/tripleoqueens and undercloud:8787")
	}
	return nil
}

// beginsWithHost tells a host from a part of a path as container engines do.
// Without one, the first part of the path would be lost in what is pushed.
func beginsWithHost(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	return strings.ContainsAny(host, ".:") || host == "localhost"
}

var registryPathText = regexp.MustCompile(`^[0-9A-Za-z\[\]:._/-]+$`)

// checkTargets refuses to write a file twice, or over what is read.
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

// checkLinks does what checkTargets does for files that are one by a link.
func (p *prepare) checkLinks(w runner.World) error {
	paths := p.Paths()
	for i, path := range paths.Writes {
		fi, err := w.Stat(path)
		if err != nil {
			continue // not there yet, or told when it is compared
		}
		for _, other := range slices.Concat(paths.Reads, paths.Writes[i+1:]) {
			if there, err := w.Stat(other); err == nil && os.SameFile(fi, there) {
				return fmt.Errorf("write %s: by a link it is the same file as %s", path, other)
			}
		}
	}
	return nil
}

// checkSet refuses variables that the release does not have, and namespaces
// that are none.
func (p *prepare) checkSet() error {
	known, err := tripleo.Variables(p.Release)
	if err != nil {
		return nil // told about the release
	}
	if p.Template != "" {
		known = slices.Collect(maps.Keys(p.Set)) // the template's, whatever they are
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		err := setting.OneOf(name, known...)
		if err == nil && strings.HasSuffix(name, "namespace") {
			err = registryPath(p.Set[name])
		}
		errs = append(errs, plan.At("set."+name, err))
	}
	return errors.Join(errs...)
}
