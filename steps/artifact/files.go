package artifact

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/ocilayout/filelayout"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// ironic is the reader whose artifacts are indexes of disk images.
const ironic = "ironic"

// pathOf gives the path of a file, "" if it is not known yet.
func pathOf(f plan.TextOr[plan.Path, file]) string {
	if f.Text != "" {
		return string(f.Text)
	}
	return string(f.Other.File)
}

// titleOf gives the name that a file has in the artifact, "" if it is not known yet.
func titleOf(f plan.TextOr[plan.Path, file]) string {
	if f.Other.Title != "" || pathOf(f) == "" {
		return f.Other.Title
	}
	return filepath.Base(pathOf(f))
}

// disktype gives the format of a disk image, "" if nothing says it.
func disktype(f file, title string) string {
	switch ending := filepath.Ext(title); {
	case f.Disktype != "":
		return f.Disktype
	case ending == ".qcow2", ending == ".raw":
		return ending[1:]
	}
	return ""
}

// architecture gives the architecture of the machines that a disk image is for.
func architecture(f file) string { return cmp.Or(f.Architecture, "amd64") }

// checkTitle checks a name in the artifact. Whoever takes it out writes a file of that name.
func checkTitle(title string) error {
	return setting.CheckPlainName(title)
}

// checkName checks the name at a destination.
func checkName(name string) error {
	if name == "" {
		return nil
	}
	_, _, tag, err := registry.Split("host.invalid/" + name)
	if err != nil || tag == "" || strings.Contains(name, "@") {
		return fault.WithHint(fmt.Errorf("%q is not of the form path:tag", name), "write a name such as images/overcloud-full:13.0")
	}
	return nil
}

// mediaType is the form of a media type in RFC 6838.
var mediaType = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)

func checkMediaType(text string) error {
	if text == "" || mediaType.MatchString(text) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%q is not a media type", text), "write one such as application/octet-stream")
}

// images gives the artifact, made of the files as they are now, with its target at each
// destination.
func (a *artifact) images(ctx context.Context, w runner.World) ([]registry.Image, error) {
	if err := destination.SetForms(a.To, w, a.out, a.out.Registry()); err != nil {
		return nil, err
	}
	made := filelayout.Artifact{Name: a.Name, Type: a.MediaType, Disks: a.For == ironic}
	for _, f := range a.Files {
		one, err := hashed(ctx, w, f)
		if err == nil && made.Disks {
			err = checkDisk(w, one)
		}
		if err != nil {
			return nil, err
		}
		made.Files = append(made.Files, one)
	}
	layout, err := made.Layout("files of step " + a.id)
	if err != nil {
		return nil, err
	}
	a.out.Registry().UseLayout(layout)
	bases, err := destination.Bases(a.To, a.out)
	if err != nil {
		return nil, err
	}
	images := make([]registry.Image, len(bases))
	for i, base := range bases {
		images[i] = registry.Image{Source: registry.LayoutPrefix + layout.Path() + ":" + a.Name, Target: destination.Target(a.To.Items[i], base, a.Name)}
	}
	return images, nil
}

// hashed gives a file with its digest.
func hashed(ctx context.Context, w runner.World, f plan.TextOr[plan.Path, file]) (filelayout.File, error) {
	path := pathOf(f)
	sums, err := w.Sum(ctx, path, runner.SHA256)
	if err != nil {
		return filelayout.File{}, err
	}
	fi, err := w.Stat(path)
	if err != nil {
		return filelayout.File{}, err
	}
	return filelayout.File{
		Path: path, Title: titleOf(f), MediaType: f.Other.MediaType, SHA256: sums[runner.SHA256], Size: fi.Size(),
		Disktype: disktype(f.Other, titleOf(f)), Architecture: architecture(f.Other),
	}, nil
}

// checkDisk refuses a file that is not the disk image that it is called, or that refers to
// other files.
func checkDisk(w runner.World, f filelayout.File) error {
	r, err := w.Open(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := diskimage.Check(r, f.Size, f.Disktype); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}
