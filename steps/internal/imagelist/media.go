package imagelist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// checkKeyed checks a source that has a key.
func (s Source) checkKeyed() error {
	switch {
	case s.File != "" || s.From != "":
		return errors.New("it goes with layout")
	case s.Layout != "" && !strings.HasSuffix(string(s.Layout), ".tar"):
		return fmt.Errorf("%s is a directory, and only an archive is signed", s.Layout)
	}
	return nil
}

// Keys gives the files of the public keys that have to prove layouts, with their fields.
func (l List) Keys(field string) map[string]plan.Path {
	keys := map[string]plan.Path{}
	for i, it := range l.Other {
		if it.Other.Key != "" {
			keys[item(field, i)+".key"] = it.Other.Key
		}
	}
	return keys
}

func (l List) checkKeys(w runner.World, field string) []error {
	var errs []error
	for at, key := range l.Keys(field) {
		_, err := readKey(w, string(key))
		errs = append(errs, plan.At(at, err))
	}
	return errs
}

// maxKey is the largest file of a key.
const maxKey = 64 << 10

func readKey(w runner.World, path string) (minisign.PublicKey, error) {
	f, err := w.Open(path)
	if err != nil {
		return minisign.PublicKey{}, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return minisign.PublicKey{}, err
	}
	if len(content) > maxKey {
		return minisign.PublicKey{}, fmt.Errorf("%s: more than %d bytes are too much", path, maxKey)
	}
	return minisign.ParsePublicKey(path, content)
}

// keyInput gives the key of an entry as an input of a step.
func keyInput(ctx context.Context, w runner.World, l Entry) ([]runner.Input, error) {
	if l.Key == "" {
		return nil, nil
	}
	sums, err := w.Sum(ctx, l.Key, runner.SHA256)
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: "key " + l.Key, Digest: "sha256:" + sums[runner.SHA256]}}, nil
}

// CheckLayout gives an error when a layout is not there, when an earlier step is still going to
// change it, or when it is not what its table of pieces says. key is the file of the public key
// that has to prove it, "" for none.
func CheckLayout(ctx context.Context, w runner.World, c *registry.Client, layout, key string) error {
	if err := checkNotPending(w, layout); err != nil {
		return err
	}
	entry := Entry{Key: key}
	entry.Name = registry.LayoutPrefix + layout
	if err := checkMedium(ctx, w, c, entry); err != nil {
		return err
	}
	_, err := c.LayoutIndex(layout)
	return layoutError(layout, err)
}

// CheckKey checks the file of a public key that has to prove layouts.
func CheckKey(w runner.World, path string) error {
	_, err := readKey(w, path)
	return err
}

// checkMedia checks each layout of a list.
func checkMedia(ctx context.Context, w runner.World, c *registry.Client, listed []Entry) error {
	var errs []error
	seen := map[string]bool{}
	for _, l := range listed {
		dir, _, ok := registry.CutLayout(l.Name)
		if !ok || seen[dir+"\x00"+l.Key] {
			continue
		}
		seen[dir+"\x00"+l.Key] = true
		if err := checkMedium(ctx, w, c, l); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.Place, err))
		}
	}
	return errors.Join(errs...)
}

// checkMedium checks the layout of an entry before anything of it is used: its signature, where
// the entry has a key, and its pieces, which it reads once in each run. With a key, a layout counts
// only if its table has proven it.
func checkMedium(ctx context.Context, w runner.World, c *registry.Client, l Entry) error {
	dir, _, _ := registry.CutLayout(l.Name)
	is, err := c.Layout(dir).Prove(ctx, func(table []byte) error {
		if l.Key == "" {
			return nil
		}
		return checkSignature(w, dir, l.Key, table)
	})
	switch {
	case err != nil:
		return err
	case is == ocilayout.Absent:
		return layoutError(dir, fs.ErrNotExist)
	case is != ocilayout.Proven && l.Key != "":
		return checkSignature(w, dir, l.Key, nil)
	}
	return nil
}

// checkSignature checks the signature of a layout's table of pieces. It is an error if that is nil.
func checkSignature(w runner.World, dir, key string, table []byte) error {
	public, err := readKey(w, key)
	if err != nil {
		return err
	}
	signature, err := pieces.ReadSmall(pieces.SignaturePath(dir))
	if table == nil || errors.Is(err, fs.ErrNotExist) {
		missing := pieces.SignaturePath(dir)
		if table == nil {
			missing = pieces.TablePath(dir)
		}
		err := fmt.Errorf("%s is not signed, and the key %s has to prove it: there is no %s", dir, public.ID(), missing)
		return fault.WithHint(err, "copy it as it is, with its table and its signature, and do not join its pieces; where it is packed, to: {layout: PATH, sign: {key: FILE}} signs it")
	}
	if err == nil {
		err = public.Verify(table, signature)
	}
	if err != nil {
		err := fmt.Errorf("%s: %w", pieces.SignaturePath(dir), err)
		return fault.WithHint(err, "copy the table and its signature again; if that does not help, use nothing of it: it is not what the owner of the key has signed")
	}
	return nil
}
