package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/place"
)

// A placing is a file that is to be a copy of another one, and what is to be
// done about it. With no mode wanted, any that lets everybody read will do.
type placing struct {
	place.Copy
	op      runner.Op // "" for nothing
	note    string
	publish bool // only its mode or owner is wrong
}

// surveyPlacings says of all the files of one directory what is to be done.
func surveyPlacings(ctx context.Context, w runner.World, dir string, files []placing) error {
	if err := checkPlaceDir(w, dir); err != nil {
		return err
	}
	idle := true
	for i := range files {
		if err := files[i].look(ctx, w); err != nil {
			return err
		}
		idle = idle && files[i].op == ""
	}
	if idle {
		return nil
	}
	return checkWritable(dir)
}

func checkPlaceDir(w runner.World, dir string) error {
	fi, err := w.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.WithHint(fmt.Errorf("the boot directory %s is not there", dir),
			"let a mkdir step make it and name that step in needs, or make it: sudo install -d -o $USER "+dir)
	case err != nil:
		return err
	case !fi.IsDir():
		return fmt.Errorf("the boot directory %s is not a directory", dir)
	}
	return nil
}

// look says what is to be done about the file.
func (p *placing) look(ctx context.Context, w runner.World) error {
	if err := p.compare(ctx, w); err != nil || p.op == "" {
		return err
	}
	return p.checkOwner()
}

func (p *placing) compare(ctx context.Context, w runner.World) error {
	fi, err := w.Stat(p.To)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.op, p.note = runner.Create, "it is not there"
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is in the way: it is not a regular file", p.To)
	case fi.Size() != p.Size:
		p.op, p.note = runner.Replace, "its content differs from "+p.From
		return nil
	}
	sums, err := w.Sum(ctx, p.To, runner.SHA512)
	attributes := p.attributesOff(fi)
	switch {
	case errors.Is(err, fs.ErrPermission): // nor can the boot server: what it holds does not matter
		p.op, p.note = runner.Replace, closedMode(fi)
	case err != nil:
		return err
	case sums[runner.SHA512] != p.SHA512:
		p.op, p.note = runner.Replace, "its content differs from "+p.From
	case attributes != "":
		p.op, p.note, p.publish = runner.Update, attributes, true
	}
	return nil
}

// attributesOff says what is wrong with the owner and the mode of a file.
func (p *placing) attributesOff(fi fs.FileInfo) string {
	mode := fi.Mode().Perm()
	switch uid, gid := ownerOf(fi); {
	case p.Owner != nil && (unlike(p.Owner.UID, uid) || unlike(p.Owner.GID, gid)):
		return fmt.Sprintf("it belongs to %d:%d", uid, gid)
	case p.Mode != 0 && mode != p.Mode:
		return fmt.Sprintf("its mode is %04o, not %04o", mode, p.Mode)
	case p.Mode == 0 && !place.Readable(mode):
		return closedMode(fi)
	}
	return ""
}

func unlike(want, have int) bool { return want >= 0 && have >= 0 && want != have }

// ownerOf gives -1 for what is not known: a planned file will be right.
func ownerOf(fi fs.FileInfo) (uid, gid int) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

func closedMode(fi fs.FileInfo) string {
	return fmt.Sprintf("its mode is %04o, so that not everybody can read it", fi.Mode().Perm())
}

// checkOwner tells that a file cannot be given away: only root can, but to a
// group of one's own.
func (p *placing) checkOwner() error {
	if p.Owner == nil || os.Geteuid() == 0 {
		return nil
	}
	if (p.Owner.UID < 0 || p.Owner.UID == os.Geteuid()) && myGroup(p.Owner.GID) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("no permission to give %s to %s", p.To, ownerText(p.Owner)),
		"bayplan never calls sudo; run it as root, or leave owner out of the plan")
}

func myGroup(gid int) bool {
	if gid < 0 || gid == os.Getegid() {
		return true
	}
	groups, err := os.Getgroups()
	for _, g := range groups {
		if err == nil && g == gid {
			return true
		}
	}
	return false
}

func ownerText(o *durable.Owner) string {
	switch {
	case o.GID < 0:
		return fmt.Sprintf("user %d", o.UID)
	case o.UID < 0:
		return fmt.Sprintf("group %d", o.GID)
	}
	return fmt.Sprintf("%d:%d", o.UID, o.GID)
}

func (p placing) item() runner.Item {
	it := runner.Item{Op: p.op, What: "file", Name: p.To, Note: p.note, Bytes: p.Size}
	switch {
	case p.publish:
		it.Bytes = 0
	case p.op == runner.Create:
		it.Note = "from " + p.From
	}
	return it
}

// file is the file that will be there.
func (p placing) file(w runner.World) runner.File {
	mode := p.Mode
	if mode == 0 {
		mode = place.Mode
	}
	return runner.File{
		Path: p.To, Size: p.Size, Mode: mode,
		Sums: map[runner.Algo]string{runner.SHA512: p.SHA512},
		Open: func() (io.ReadCloser, error) { return w.Open(p.From) },
	}
}

// do places the file, or gives it its mode and owner.
func (p placing) do(ctx context.Context, to runner.Progress) error {
	if p.publish {
		if err := p.Publish(); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		} else if err == nil {
			to.Done(p.item())
			return nil
		}
		// Somebody else's file cannot be changed, but it can be replaced.
	}
	c := p.Copy
	c.Sent = to.Add
	if err := c.Do(ctx); err != nil {
		return err
	}
	to.Done(p.item())
	return nil
}
