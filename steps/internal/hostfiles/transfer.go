package hostfiles

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
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/internal/textfile"
)

// DefaultMode is the mode of copies when the plan sets none. A boot server reads
// them, often as another user than the one that wrote them. Nothing executes them:
// the machine that boots a kernel does not see its mode.
const DefaultMode fs.FileMode = 0o644

// transfer copies the file and calls sent with the number of bytes as they are
// copied. On an error the old file stays. A symbolic link at the target is
// replaced, not followed.
func (c Copy) transfer(ctx context.Context, sent func(n int64)) error {
	from, err := textfile.OpenRegular(c.From)
	if err != nil {
		return err
	}
	defer from.Close()
	return durable.WriteFileAs(c.To, c.attributes(), func(to io.Writer) error {
		return c.copyChecked(to, readers.Counting(readers.WithContext(ctx, from), sent))
	})
}

func (c Copy) attributes() durable.Attributes {
	attrs := c.Attributes
	attrs.Mode = cmp.Or(attrs.Mode, DefaultMode)
	return attrs
}

func (c Copy) copyChecked(to io.Writer, from io.Reader) error {
	sum := sha512.New()
	n, err := io.CopyBuffer(io.MultiWriter(to, sum), from, make([]byte, 1<<20))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != c.Size || got != c.SHA512 {
		return fmt.Errorf("%s changed since it was looked at: it had %d bytes, and %d when it was copied", c.From, c.Size, n)
	}
	return nil
}

// readableByAll reports whether everybody may read a file of this mode. The boot
// server must. Other bits do not matter: some copies are executable because their
// source was.
func readableByAll(mode fs.FileMode) bool { return mode.Perm()&0o444 == 0o444 }

// setAttributes sets the owner and the mode of the existing file.
func (c Copy) setAttributes() error {
	attrs := c.attributes()
	if o := attrs.Owner; o != nil {
		if err := os.Chown(c.To, o.UID, o.GID); err != nil {
			return err
		}
	}
	return os.Chmod(c.To, attrs.Mode)
}
