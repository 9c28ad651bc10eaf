// Package place puts a copy of a file into a directory that machines boot
// from: whoever fetches the file at any moment gets the old one or the new
// one, whole. It knows nothing of what boots, nor of steps.
package place

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/bayplan/bayplan/internal/durable"
)

// Mode is what placed files get when nobody says otherwise. A boot server reads them, often as another
// user than the one who wrote them, and nothing executes them: the
// machine that boots a kernel does not see its mode.
const Mode fs.FileMode = 0o644

// A Copy is a file to place.
type Copy struct {
	From   string // absolute
	To     string // absolute
	Size   int64
	SHA512 string // of the content, lower-case hex; what is copied must have it

	durable.Attributes // of the copy; mode 0 stands for Mode

	// Sent is told of bytes as they are copied; nil: nobody asks.
	Sent func(n int64)
}

// Do places the file. When anything goes wrong, what was there stays. A
// symbolic link at the target is replaced, not followed.
func (c Copy) Do(ctx context.Context) error {
	from, err := os.Open(c.From)
	if err != nil {
		return err
	}
	defer from.Close()
	return durable.WriteFileAs(c.To, c.attributes(), func(to io.Writer) error {
		return c.transfer(ctx, to, from)
	})
}

func (c Copy) attributes() durable.Attributes {
	attrs := c.Attributes
	attrs.Mode = cmp.Or(attrs.Mode, Mode)
	return attrs
}

func (c Copy) transfer(ctx context.Context, to io.Writer, from io.Reader) error {
	sum := sha512.New()
	n, err := io.CopyBuffer(io.MultiWriter(to, sum), &watched{ctx, from, c.Sent}, make([]byte, 1<<20))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != c.Size || got != c.SHA512 {
		return fmt.Errorf("%s changed since it was looked at: it had %d bytes, and %d when it was copied", c.From, c.Size, n)
	}
	return nil
}

// A watched reader ends with its context, and counts.
type watched struct {
	ctx  context.Context
	from io.Reader
	sent func(int64)
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.from.Read(p)
	if w.sent != nil && n > 0 {
		w.sent(int64(n))
	}
	return n, err
}

// Readable says whether everybody may read a file of this mode, as the boot
// server must. More than that is nobody's concern: some copies are executable
// because their source was.
func Readable(mode fs.FileMode) bool { return mode.Perm()&0o444 == 0o444 }

// Publish gives the file that is there its owner and its mode, without a copy.
func (c Copy) Publish() error {
	attrs := c.attributes()
	if o := attrs.Owner; o != nil {
		if err := os.Chown(c.To, o.UID, o.GID); err != nil {
			return err
		}
	}
	return os.Chmod(c.To, attrs.Mode)
}
