package hostfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A Copy is a file that has to be a copy of another one, with the operation that
// makes it so. Its owner and mode are those of Attributes. With mode 0, any mode
// that lets everybody read passes, and new copies get DefaultMode.
type Copy struct {
	From   string // absolute
	To     string // absolute
	Size   int64
	SHA512 string // of the content, lower-case hex; the copied bytes must have it

	durable.Attributes

	// Plan sets the rest.
	Op             runner.Op // "" when nothing has to be done
	Note           string    // the reason, in a few words
	AttributesOnly bool      // the content is right, and only the mode or the owner is wrong
	Old            string    // SHA-512 of the content that is replaced, lower-case hex; "": it is not known
}

// PlanCopies plans all copies into one directory. It gives an error when the
// directory is missing, or when something has to be done and it is not writable.
func PlanCopies(ctx context.Context, w runner.World, dir string, copies []Copy) error {
	if err := checkBootDir(w, dir); err != nil {
		return err
	}
	idle := true
	for i := range copies {
		if err := copies[i].Plan(ctx, w); err != nil {
			return err
		}
		idle = idle && copies[i].Op == ""
	}
	if idle {
		return nil
	}
	return CheckWritable(dir)
}

func checkBootDir(w runner.World, dir string) error {
	fi, err := w.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.WithHint(fmt.Errorf("the boot directory %s is not there", dir),
			"let a mkdir step make it and name that step in needs, or make it: sudo install -d -o $USER "+human.ShellWord(dir))
	case err != nil:
		return err
	case !fi.IsDir():
		return fmt.Errorf("the boot directory %s is not a directory", dir)
	}
	return nil
}

// Plan compares the file with its source and sets Op, Note and AttributesOnly.
func (c *Copy) Plan(ctx context.Context, w runner.World) error {
	if err := c.compare(ctx, w); err != nil || c.Op == "" {
		return err
	}
	return c.checkOwner()
}

func (c *Copy) compare(ctx context.Context, w runner.World) error {
	fi, err := w.Stat(c.To)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Op, c.Note = runner.Create, "it is not there"
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is in the way: it is not a regular file", c.To)
	case fi.Size() != c.Size:
		c.Op, c.Note = runner.Replace, "its content differs from "+c.From
		c.Old, err = Shown(ctx, w, c.To, runner.SHA512)
		if c.Old == "" {
			c.Note += "; it has " + human.Size(fi.Size())
		}
		return err
	}
	sums, err := w.Sum(ctx, c.To, runner.SHA512)
	attributes := c.attributesNote(fi)
	switch {
	case errors.Is(err, fs.ErrPermission): // the boot server cannot read it either, whatever it holds
		c.Op, c.Note = runner.Replace, unreadableNote(fi)
	case err != nil:
		return err
	case sums[runner.SHA512] != c.SHA512:
		c.Op, c.Note, c.Old = runner.Replace, "its content differs from "+c.From, sums[runner.SHA512]
	case attributes != "":
		c.Op, c.Note, c.AttributesOnly = runner.Update, attributes, true
	}
	return nil
}

// attributesNote says what is wrong with the owner or the mode of a file, "" for
// nothing.
func (c *Copy) attributesNote(fi fs.FileInfo) string {
	mode := fi.Mode().Perm()
	switch uid, gid := ownerOf(fi); {
	case c.Owner != nil && (differs(c.Owner.UID, uid) || differs(c.Owner.GID, gid)):
		return fmt.Sprintf("it belongs to %d:%d", uid, gid)
	case c.Mode != 0 && mode != c.Mode:
		return fmt.Sprintf("its mode is %04o, not %04o", mode, c.Mode)
	case c.Mode == 0 && !readableByAll(mode):
		return unreadableNote(fi)
	}
	return ""
}

func differs(want, have int) bool { return want >= 0 && have >= 0 && want != have }

// ownerOf gives -1 for a number that is not known. The owner of a planned file is
// not known, and it will be right.
func ownerOf(fi fs.FileInfo) (uid, gid int) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

func unreadableNote(fi fs.FileInfo) string {
	return fmt.Sprintf("its mode is %04o, so that not everybody can read it", fi.Mode().Perm())
}

// checkOwner gives an error when this user may not set the owner. Only root can
// give a file to another user, or to a group that the user is not a member of.
func (c *Copy) checkOwner() error {
	if c.Owner == nil || os.Geteuid() == 0 {
		return nil
	}
	if (c.Owner.UID < 0 || c.Owner.UID == os.Geteuid()) && inGroup(c.Owner.GID) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("no permission to give %s to %s", c.To, ownerText(c.Owner)),
		"bayplan never calls sudo; run it as root, or leave owner out of the plan")
}

func inGroup(gid int) bool {
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

// Fills says what is in the files when they are copied, as far as it is known.
func Fills(w runner.World, copies []Copy) map[string]runner.Content {
	fills := map[string]runner.Content{}
	for _, c := range copies {
		content := runner.Content{Digests: []string{"sha512:" + c.SHA512}, Size: c.Size}
		if sums, ok := w.Recall(c.From, runner.SHA256); ok {
			content.Digests = append(content.Digests, "sha256:"+sums[runner.SHA256])
		}
		fills[c.To] = content
	}
	return fills
}

// Item gives the copy as a Change shows it to people.
func (c Copy) Item() runner.Item {
	it := runner.Item{Op: c.Op, What: runner.RegularFile, Name: c.To, Note: c.Note}
	if c.AttributesOnly {
		return it
	}
	it.Source, it.Bytes, it.From, it.To = c.From, c.Size, checksum.Text("sha512", c.Old), checksum.Text("sha512", c.SHA512)
	if c.Op == runner.Create {
		it.Note = "from " + c.From
	}
	return it
}

// File gives the file as it will be after the copy.
func (c Copy) File(w runner.World) runner.File {
	mode := c.Mode
	if mode == 0 {
		mode = DefaultMode
	}
	return runner.File{
		Path: c.To, Size: c.Size, Mode: mode,
		Sums: map[runner.Algo]string{runner.SHA512: c.SHA512},
		Open: func() (io.ReadCloser, error) { return w.Open(c.From) },
	}
}

// Do copies the file, or sets its mode and owner.
func (c Copy) Do(ctx context.Context, p runner.Progress) error {
	if c.AttributesOnly {
		err := c.setAttributes()
		if err == nil {
			p.Done(c.Item())
			return nil
		}
		// The file of another user cannot be changed, but it can be replaced.
		if !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	if err := c.transfer(ctx, p.Add); err != nil {
		return err
	}
	p.Done(c.Item())
	return nil
}
