// Package destination is the setting to of the step types that put images into registries
// and OCI layouts. It knows no image and sends nothing.
package destination

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/hostdisk"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// A Setting is one destination, or a list of them.
type Setting = plan.OneOrMore[One]

// One is a registry's connection or a layout.
type One = plan.TextOr[string, Layout]

// A Layout is a directory or an archive to put images into.
type Layout struct {
	// Directory of the OCI layout or, where the name ends in .tar, the tar archive that it is kept
	// in. It is made when it is not there; an archive gets its name when it is complete, and is
	// complete at every moment from then on.
	Layout plan.Path `json:"layout"`
	// Most bytes of a file, such as 4GiB: the archive is written in pieces, LAYOUT.001 and so on,
	// beside a table of their digests, LAYOUT.pieces, that sha256sum -c checks. 4GiB is one block
	// less, which FAT32 demands. An archive in pieces of another size is not changed.
	Split string `json:"split,omitempty"`
	// Sign the table of the archive's pieces, or of the one file, as minisign does: the signature is
	// LAYOUT.pieces.minisig. Who has the public key then knows that nothing was changed.
	// A signature that does not hold is not replaced: delete it, or pack anew.
	Sign Signing `json:"sign,omitzero"`
	// Receipt of the destination, which bayplan inventory writes there: blobs that it names are left
	// out. The index names all images, and says what is left out; manifests and blobs of at most 16
	// KiB stay.
	Without plan.Path `json:"without,omitempty"`
}

// Connections are what destinations need of the plan's connections.
type Connections interface {
	// CheckRegistry gives an error when there is no connection of that name.
	CheckRegistry(name string) error
	// RegistryHost gives the host of a connection.
	RegistryHost(name string) (string, error)
	// RegistryIdentity gives what is the same for all names of the registry of a host.
	RegistryIdentity(host string) string
	// EnvSecret gives the secret in an environment variable, and keeps it from helpers.
	EnvSecret(variable string) plan.Secret
}

// Field names a destination for messages.
func Field(to Setting, i int) string {
	if len(to.Items) == 1 {
		return "to"
	}
	return fmt.Sprintf("to[%d]", i)
}

// Validate checks the destinations. One that is not known yet passes.
func Validate(to Setting, c Connections) []error {
	var errs []error
	if to.Items != nil && len(to.Items) == 0 {
		errs = append(errs, plan.At("to", errors.New("the list names no destination")))
	}
	for i, one := range to.Items {
		field := Field(to, i)
		errs = append(errs, plan.At(field, c.CheckRegistry(one.Text)), plan.At(field+".layout", imagelist.CheckLayoutPath(string(one.Other.Layout))))
		errs = append(errs, one.Other.validateForm(field)...)
		_ = c.EnvSecret(one.Other.Sign.Env) // helpers must not get it, whatever comes first
		for _, before := range to.Items[:i] {
			if one.Text == before.Text && one.Other.Layout == before.Other.Layout && !one.IsZero() {
				errs = append(errs, plan.At(field, errors.New("the destination is in the list already")))
				break
			}
		}
	}
	return errs
}

// Bases gives the beginnings of the names of images at each destination: a registry's host,
// or oci:LAYOUT.
func Bases(to Setting, c Connections) ([]string, error) {
	bases := make([]string, len(to.Items))
	var errs []error
	for i, one := range to.Items {
		if dir := one.Other.Layout; dir != "" {
			bases[i] = registry.LayoutPrefix + string(dir)
			continue
		}
		var err error
		bases[i], err = c.RegistryHost(one.Text)
		errs = append(errs, err)
	}
	return bases, errors.Join(errs...)
}

// Layouts gives the paths of the layouts among the destinations.
func Layouts(to Setting) []string {
	var dirs []string
	for _, one := range to.Items {
		if one.Other.Layout != "" {
			dirs = append(dirs, string(one.Other.Layout))
		}
	}
	return dirs
}

// Hosts gives the hosts of the registries among the destinations, and "" for those that
// are layouts or not known.
func Hosts(to Setting, c Connections) []string {
	hosts := make([]string, len(to.Items))
	for i, one := range to.Items {
		if one.Text != "" {
			hosts[i], _ = c.RegistryHost(one.Text) // Validate has reported the error
		}
	}
	return hosts
}

// Inputs gives the destinations as what decides a result.
func Inputs(bases []string) []runner.Input {
	in := make([]runner.Input, len(bases))
	for i, base := range bases {
		in[i] = runner.Input{Name: "registry", Digest: base}
		if i > 0 {
			in[i].Name = fmt.Sprintf("registry %d", i+1)
		}
	}
	return in
}

// PendingFiles gives the files that a change of the layouts writes and later steps may
// read. Their content is known only then.
func PendingFiles(to Setting) []runner.File {
	var files []runner.File
	for _, one := range to.Items {
		switch l := one.Other; {
		case l.Layout == "":
		case l.isSealed():
			files = append(files, runner.File{Path: pieces.TablePath(string(l.Layout)), Mode: 0o644})
		default:
			files = append(files, runner.File{Path: imagelist.IndexPath(string(l.Layout)), Mode: 0o644})
		}
	}
	return files
}

// Fills says what images are at their destinations. Those that are not available are left out.
func Fills(images []*registry.ImagePlan, c Connections) map[string]runner.Content {
	fills := map[string]runner.Content{}
	for _, e := range images {
		if e.Err == nil && e.Digest != "" {
			fills[truePlace(e.Target, c)] = runner.Content{Digests: []string{e.Digest}, Name: e.Target}
		}
	}
	return fills
}

// truePlace gives the one name of an image, in whatever way its registry or layout is named.
func truePlace(target string, c Connections) string {
	if layout, name, ok := registry.CutLayout(target); ok {
		return registry.LayoutPrefix + hostdisk.Resolve(layout) + ":" + name
	}
	host, rest, _ := strings.Cut(target, "/")
	return c.RegistryIdentity(host) + "/" + rest
}

// Below gives the name that an image has at a destination, without the destination. ok is false if
// it is elsewhere.
func Below(to One, base, image string, c Connections) (name string, ok bool) {
	return strings.CutPrefix(truePlace(image, c), truePlace(Target(to, base, ""), c))
}

// Target gives the name at a destination of what is called name:tag there.
func Target(to One, base, name string) string {
	if to.Other.Layout != "" {
		return base + ":" + name
	}
	return base + "/" + name
}
