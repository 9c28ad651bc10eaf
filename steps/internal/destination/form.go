package destination

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostdisk"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/receipt"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Signing says how a layout is signed.
type Signing struct {
	// Secret key that minisign -G has written.
	Key plan.Path `json:"key"`
	// Environment variable with the password of an encrypted key. To decrypt it takes 1 GiB of
	// memory and many seconds, once in each run that signs.
	Env string `json:"env,omitempty"`
}

const (
	// pieceUnit divides the size of each piece but the last: what an archive writes in one
	// step never lies in two pieces.
	pieceUnit = 4096
	// minPiece is the smallest size of pieces.
	minPiece = 64 << 10
	// fatLimit is the size that a file on FAT32 does not reach.
	fatLimit = 4 << 30
)

// pieceSize gives the bytes of a piece, 0 for one file.
func (l Layout) pieceSize() (int64, error) {
	if l.Split == "" {
		return 0, nil
	}
	n, err := human.ParseSize(l.Split)
	if err == nil && n < minPiece {
		err = fmt.Errorf("%s is less than %s", l.Split, human.Size(minPiece))
	}
	if n == fatLimit {
		n--
	}
	return n / pieceUnit * pieceUnit, err
}

// validateForm checks how a layout is to travel.
func (l Layout) validateForm(field string) []error {
	_, err := l.pieceSize()
	errs := []error{plan.At(field+".split", err)}
	path := string(l.Layout)
	if path == "" {
		return errs
	}
	for key, set := range map[string]bool{"split": l.Split != "", "sign": l.Sign != Signing{}} {
		switch {
		case set && !strings.HasSuffix(path, ".tar"):
			err := fmt.Errorf("%s is a directory, and only an archive is split and signed", path)
			errs = append(errs, plan.At(field+"."+key, fault.WithHint(err, "let the name of the layout end in .tar")))
		case set && strings.ContainsAny(filepath.Base(path), "\n\r\\"):
			errs = append(errs, plan.At(field+"."+key, fmt.Errorf("%q cannot stand in a table of pieces", filepath.Base(path))))
		}
	}
	return errs
}

// isSealed says whether a table of pieces belongs to the layout.
func (l Layout) isSealed() bool { return l.Split != "" || l.Sign.Key != "" }

// Forms gives how each layout travels as what a step fills there: steps that write one layout need
// one form.
func Forms(to Setting) []runner.Place {
	var places []runner.Place
	for i, one := range to.Items {
		l := one.Other
		if l.Layout == "" {
			continue
		}
		where := runner.Where{Kind: "layout", Name: hostdisk.Resolve(string(l.Layout))}
		places = append(places, runner.Place{Where: where, Field: Field(to, i), Names: []string{"its files"}, Contents: []string{l.form()}})
	}
	return places
}

// form says in words how a layout travels.
func (l Layout) form() string {
	text := "no pieces"
	if l.Split != "" {
		text = "pieces of " + l.Split
	}
	if l.Sign.Key != "" {
		text += ", signed by " + string(l.Sign.Key)
	}
	if l.Without != "" {
		text += ", without what " + string(l.Without) + " names"
	}
	return text
}

// Reads gives the files that say how the layouts travel: keys and receipts.
func Reads(to Setting) []string {
	var files []string
	for _, one := range to.Items {
		for _, file := range []plan.Path{one.Other.Sign.Key, one.Other.Without} {
			if file != "" {
				files = append(files, string(file))
			}
		}
	}
	return files
}

// Expects gives what the layouts need that the step does not make, for runner.Expecter: their
// directories and keys.
func Expects(to Setting) []runner.Expected {
	var all []runner.Expected
	for i, one := range to.Items {
		if layout := string(one.Other.Layout); layout != "" {
			all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: Field(to, i), Path: filepath.Dir(layout)})
		}
		if key := string(one.Other.Sign.Key); key != "" {
			all = append(all, runner.Expected{Kind: runner.ExpectMediaSecret, Field: Field(to, i) + ".sign.key", Path: key})
		}
		if file := string(one.Other.Without); file != "" {
			all = append(all, runner.Expected{Kind: runner.ExpectReceipt, Field: Field(to, i) + ".without", Path: file})
		}
	}
	return all
}

// CheckFiles reads the keys and receipts of the layouts, and decrypts none.
func CheckFiles(to Setting, w runner.World, c Connections) error {
	var errs []error
	for i, one := range to.Items {
		if one.Other.Sign.Key != "" {
			_, err := readKey(w, one.Other.Sign, c)
			errs = append(errs, plan.At(Field(to, i)+".sign.key", err))
		}
		if one.Other.Without != "" {
			_, err := readReceipt(w, string(one.Other.Without))
			errs = append(errs, plan.At(Field(to, i)+".without", err))
		}
	}
	return errors.Join(errs...)
}

// maxKey is the largest file of a key.
const maxKey = 64 << 10

func read(w runner.World, path string, most int64) ([]byte, error) {
	f, err := w.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: more than %d bytes are too much", path, most)
	}
	return text, err
}

func readReceipt(w runner.World, path string) (*receipt.Receipt, error) {
	text, err := read(w, path, receipt.MaxBytes)
	if err != nil {
		return nil, err
	}
	return receipt.Parse(path, text)
}

// readKey reads a secret key, which nobody but its owner may read.
func readKey(w runner.World, s Signing, c Connections) (*minisign.SecretKey, error) {
	path := string(s.Key)
	fi, err := w.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := fi.Mode().Perm(); mode&0o077 != 0 {
		err := fmt.Errorf("%s can be read by others than its owner (mode %04o)", path, mode)
		return nil, fault.WithHint(err, "chmod 600 "+human.ShellWord(path))
	}
	content, err := read(w, path, maxKey)
	if err != nil {
		return nil, err
	}
	var password func() (string, error)
	if s.Env != "" {
		password = func() (string, error) {
			value, err := c.EnvSecret(s.Env).Reveal(context.Background()) // it asks nobody
			if err != nil {
				err = fault.WithHint(fmt.Errorf("%s is encrypted: %w", path, err), fault.Hint(err))
			}
			return value, err
		}
	}
	return minisign.NewSecretKey(path, content, password)
}

// SetForms tells the layouts how they travel. It comes before all else that is done with them.
func SetForms(to Setting, w runner.World, conns Connections, c *registry.Client) error {
	for i, one := range to.Items {
		l := one.Other
		if l.Layout == "" {
			continue
		}
		var f ocilayout.Form
		var err error
		if f.Split, err = l.pieceSize(); err != nil {
			return err
		}
		if l.Sign.Key != "" {
			if f.Key, err = readKey(w, l.Sign, conns); err != nil {
				return fmt.Errorf("%s.sign.key: %w", Field(to, i), err)
			}
			f.Key = c.Keys.Keep(f.Key)
		}
		if l.Without != "" {
			if f.Without, err = readReceipt(w, string(l.Without)); err != nil {
				return fmt.Errorf("%s.without: %w", Field(to, i), err)
			}
		}
		if err := c.Layout(string(l.Layout)).SetForm(f); err != nil {
			return err
		}
	}
	return nil
}

// FileInputs gives the keys and receipts as inputs of a step.
func FileInputs(ctx context.Context, to Setting, w runner.World) ([]runner.Input, error) {
	var in []runner.Input
	for _, file := range Reads(to) {
		sums, err := w.Sum(ctx, file, runner.SHA256)
		if err != nil {
			return nil, err
		}
		in = append(in, runner.Input{Name: file, Digest: "sha256:" + sums[runner.SHA256]})
	}
	return in, nil
}

// Unsealed gives an item for each layout that lacks its table of pieces or its signature. What is
// to be signed though none of the images that a step writes names it, the item tells: others may
// have put it there.
func Unsealed(to Setting, images []*registry.ImagePlan, c *registry.Client) ([]runner.Item, error) {
	items, err := unsealed(to, c)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, e := range images {
		own[e.Target] = true
	}
	for i, it := range items {
		if !signs(to, it.Name) {
			continue
		}
		others, err := unnamed(it.Name, own, c)
		if err != nil {
			return nil, err
		}
		if len(others) > 0 {
			items[i].Note += "; what this step does not name is signed, too: " + human.Some(others, 5)
		}
	}
	return items, nil
}

func signs(to Setting, path string) bool {
	return slices.ContainsFunc(to.Items, func(one One) bool {
		return string(one.Other.Layout) == path && one.Other.Sign.Key != ""
	})
}

// unnamed gives the images of a layout that are not in own, without signatures and the like.
func unnamed(path string, own map[string]bool, c *registry.Client) ([]string, error) {
	idx, err := c.Layout(path).Index()
	if err != nil {
		return nil, err
	}
	var others []string
	for _, d := range idx.Manifests {
		repository, tag := layoutindex.ImageName(d)
		if repository == "" && tag == "" || manifests.IsCosignTag(tag) || own[registry.LayoutPrefix+path+":"+repository+":"+tag] {
			continue
		}
		others = append(others, repository+":"+tag)
	}
	return others, nil
}

func unsealed(to Setting, c *registry.Client) ([]runner.Item, error) {
	var items []runner.Item
	for _, path := range Layouts(to) {
		lacks, err := c.Layout(path).Unsealed()
		if err != nil {
			return nil, err
		}
		if lacks != "" {
			items = append(items, runner.Item{Op: runner.Update, What: "layout", Name: path, Note: "gets " + lacks})
		}
	}
	return items, nil
}

// Ready makes sure, before anything is written, that layouts can be signed, and that what is there
// is what their tables of pieces say.
func Ready(ctx context.Context, to Setting, c *registry.Client) error {
	for _, path := range Layouts(to) {
		if err := c.Layout(path).Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Seal writes the tables of pieces and the signatures that layouts lack, after all that is
// written to them, unless the run is to end. So does a step that has failed with err: another one
// may have left it to this one, and the layout is whole. It gives that error, too.
func Seal(ctx context.Context, err error, to Setting, c *registry.Client, p runner.Progress) error {
	if ctx.Err() != nil {
		return err
	}
	items, lacks := unsealed(to, c)
	errs := []error{err, lacks}
	for _, it := range items {
		err := c.Layout(it.Name).Seal(ctx)
		if errs = append(errs, err); err == nil {
			p.Done(it)
		}
	}
	return fault.Join(errs...)
}

// VerifyLayouts reads all bytes of layouts, once: the pieces of those that have a table of them, and
// the blobs of others. It gives an error for each that has changed.
func VerifyLayouts(ctx context.Context, to Setting, c *registry.Client) []error {
	var errs []error
	for _, one := range to.Items {
		l := one.Other
		switch path := string(l.Layout); {
		case path == "":
		case l.isSealed():
			errs = append(errs, verifySeal(ctx, c.Layout(path)))
		default:
			errs = append(errs, corrupt(ctx, path, c)...)
		}
	}
	return errs
}

func verifySeal(ctx context.Context, l *ocilayout.Layout) error {
	lacks, err := l.Unsealed()
	if err == nil && lacks != "" {
		err = fault.WithHint(fmt.Errorf("%s: it lacks %s", l.Path(), lacks), "apply again")
	}
	if err == nil {
		err = l.VerifyPieces(ctx)
	}
	return err
}

// Distrust makes images at layouts that leave out blobs be looked at as a whole: what a record
// says is there, an earlier receipt may have left out. Targets begin with oci:LAYOUT.
func Distrust(to Setting, images []registry.Image, c *registry.Client) error {
	for _, one := range to.Items {
		l := one.Other
		if l.Layout == "" {
			continue
		}
		noted, err := c.Layout(string(l.Layout)).Noted()
		if err != nil {
			return err
		}
		for i := range images {
			if (noted || l.Without != "") && strings.HasPrefix(images[i].Target, registry.LayoutPrefix+string(l.Layout)+":") {
				images[i].Whole = ""
			}
		}
	}
	return nil
}
