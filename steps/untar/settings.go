package untar

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// An expectedFile is a file that an archive must hold.
type expectedFile struct {
	// Its name in the archive.
	Name string `json:"name"`
	// Size that it must have, with a unit or, in quotes, in bytes: 40GiB, "1310720".
	Size string `json:"size,omitempty" jsonschema:"pattern=^[0-9]+(\\.[0-9]+)? ?([KMGT]i?B|B)?$"`
	// Digest that it must have, 64 lower-case hex digits.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
}

// limits are how much an archive may hold. An archive that goes beyond is
// refused as a whole. A number that a step before gives is 0 while it is not
// known, so 0 cannot be refused and stands for the default.
type limits struct {
	// All its files together, as 40GiB. Room on the disk is looked at besides. By default 128GiB.
	Bytes string `json:"bytes,omitempty" jsonschema:"pattern=^[0-9]+(\\.[0-9]+)? ?([KMGT]i?B|B)?$"`
	// Memory that unpacking may need, as 2GiB: the window of zstd (its option --long=31 asks for
	// 2GiB), or the dictionary of xz. At most 4GiB. By default 128MiB.
	Window string `json:"window,omitempty" jsonschema:"pattern=^[0-9]+(\\.[0-9]+)? ?([KMGT]i?B|B)?$"`
	// Files and directories. 0 stands for the default.
	Entries int `json:"entries,omitempty" jsonschema:"minimum=0,maximum=10000000,default=10000"`
	// How many times its packed size it may unpack to, once that is 256 MiB. Raw disk images that
	// are nearly empty may need more. 0 stands for the default.
	Ratio int `json:"ratio,omitempty" jsonschema:"minimum=0,maximum=1000000,default=1000"`
	// How deep its directories may be nested. 0 stands for the default.
	Depth int `json:"depth,omitempty" jsonschema:"minimum=0,maximum=1000,default=32"`
	// Bytes of a name with its directories. 0 stands for the default.
	NameLength int `json:"name_length,omitempty" jsonschema:"minimum=0,maximum=4096,default=1024"`
}

// Validate implements runner.Validator.
func (u *untar) Validate() error {
	errs := []error{plan.At("sha256", checkSHA256(u.SHA256))}
	seen := map[string]bool{}
	for i, x := range u.Expect {
		f, at := expectedOf(x), fmt.Sprintf("expect[%d]", i)
		if f.Name != "" && seen[path.Clean(f.Name)] {
			errs = append(errs, plan.At(at, fmt.Errorf("%q is named twice", f.Name)))
		}
		seen[path.Clean(f.Name)] = true
		nameAt := at
		if x.Text == "" {
			nameAt += ".name"
		}
		errs = append(errs, plan.At(nameAt, checkExpectedName(f.Name)))
		_, sizeErr := parseSize(f.Size)
		errs = append(errs, plan.At(at+".size", sizeErr), plan.At(at+".sha256", checkSHA256(f.SHA256)))
	}
	return errors.Join(append(errs, u.Limits.validate())...)
}

// checkExpectedName refuses a name that no archive can have, whatever its limits
// are. An empty name is not known yet and passes.
func checkExpectedName(name string) error {
	if name == "" {
		return nil
	}
	err := archive.CheckName(name, archive.Limits{Name: maxNameLength, Depth: maxDepth})
	if err != nil {
		return fmt.Errorf("no archive can hold %q: %w", name, err)
	}
	return nil
}

// The most that the limits can be set to.
const (
	maxEntries    = 10_000_000
	maxRatio      = 1_000_000
	maxDepth      = 1000
	maxNameLength = 4096
)

func (l *limits) validate() error {
	if l == nil {
		return nil
	}
	size, err := parseSize(l.Bytes)
	if err == nil && size == 0 && l.Bytes != "" {
		err = fmt.Errorf("%q leaves no room for any file", l.Bytes)
	}
	errs := []error{plan.At("limits.bytes", err), plan.At("limits.window", l.validateWindow())}
	for _, n := range []struct {
		name      string
		got, most int
	}{{"entries", l.Entries, maxEntries}, {"ratio", l.Ratio, maxRatio}, {"depth", l.Depth, maxDepth}, {"name_length", l.NameLength, maxNameLength}} {
		if n.got < 0 || n.got > n.most {
			errs = append(errs, plan.At("limits."+n.name, fmt.Errorf("%d is not between 0 and %d", n.got, n.most)))
		}
	}
	return errors.Join(errs...)
}

// minWindow and maxWindow are the bounds of the window: every zstd stream may ask for the
// smallest one.
const (
	minWindow = 1 << 20
	maxWindow = 4 << 30
)

func (l *limits) validateWindow() error {
	size, err := parseSize(l.Window)
	if err == nil && l.Window != "" && (size < minWindow || size > maxWindow) {
		err = fmt.Errorf("%q is not between 1MiB and 4GiB", l.Window)
	}
	return err
}

func checkSHA256(sum string) error {
	if sum == "" || setting.IsSHA256(sum) {
		return nil
	}
	err := fmt.Errorf("%q is not a sha256 digest", sum)
	return fault.WithHint(err, "write 64 lower-case hex digits, as sha256sum prints them")
}

var sizePattern = lazyregexp.New(`^([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?B|B)?$`)

// parseSize gives the bytes of a size such as 1310720, 1.5GiB or 500MB, and 0 for
// an empty text.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fault.WithHint(fmt.Errorf("%q is not a size", text), "write a unit after the number, or bytes in quotes: 40GiB, \"1310720\"")
	}
	unit := int64(1)
	if prefix, binary := strings.TrimSuffix(strings.TrimSuffix(m[2], "B"), "i"), strings.Contains(m[2], "i"); prefix != "" {
		base := int64(1000)
		if binary {
			base = 1024
		}
		for range strings.Index("KMGT", prefix) + 1 {
			unit *= base
		}
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if whole, wholeErr := strconv.ParseInt(m[1], 10, 64); wholeErr == nil && unit == 1 {
		return whole, nil
	}
	if n *= float64(unit); err != nil || n >= 1<<60 {
		return 0, fmt.Errorf("%q is too large a size", text)
	}
	return int64(n), nil
}

// archiveLimits gives the limits as the archive package takes them.
func (u *untar) archiveLimits() archive.Limits {
	if u.Limits == nil {
		return archive.Limits{}
	}
	bytes, _ := parseSize(u.Limits.Bytes) // was validated
	window, _ := parseSize(u.Limits.Window)
	return archive.Limits{
		Bytes: bytes, Window: window, Entries: u.Limits.Entries, Ratio: int64(u.Limits.Ratio), Depth: u.Limits.Depth,
		Name: u.Limits.NameLength, Component: min(255, cmp.Or(u.Limits.NameLength, 255)),
	}
}

// limitFields has the plan's field for each limit of the archive package.
var limitFields = map[string]string{
	"Bytes": "bytes", "Entries": "entries", "Ratio": "ratio", "Depth": "depth", "Name": "name_length", "Window": "window",
}

// withHint adds a hint to an error about the digest or a limit.
func (u *untar) withHint(err error) error {
	var digest *archive.DigestError
	if errors.As(err, &digest) {
		return fault.WithHint(err, "the archive is another one than the plan expects, or it is damaged; or sha256 in the plan is out of date")
	}
	var limit *archive.LimitError
	if errors.As(err, &limit) && limitFields[limit.Limit] != "" {
		return fault.WithHint(err, "if the archive is right, set limits: {"+limitFields[limit.Limit]+": ...} in the step")
	}
	return err
}

func expectedOf(x plan.TextOr[string, expectedFile]) expectedFile {
	if x.Text != "" {
		return expectedFile{Name: x.Text}
	}
	return x.Other
}

// checkExpected compares the entries of an archive with what the plan expects, and
// reports all differences.
func (u *untar) checkExpected(entries []archive.Entry) error {
	byName := map[string]archive.Entry{}
	for _, e := range entries {
		byName[e.Name] = e
	}
	var errs []error
	for _, x := range u.Expect {
		f := expectedOf(x)
		e, ok := byName[path.Clean(f.Name)]
		errs = append(errs, f.check(e, ok))
	}
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	return fault.WithHint(err, "the archive is another one than the plan expects, or expect in the plan is out of date")
}

func (f expectedFile) check(e archive.Entry, ok bool) error {
	size, _ := parseSize(f.Size) // was validated
	switch {
	case !ok:
		return fmt.Errorf("it has no file %q", f.Name)
	case e.IsDir():
		return fmt.Errorf("%q is a directory, not a file", f.Name)
	case f.Size != "" && e.Size >= 0 && e.Size != size:
		return fmt.Errorf("%q has %d bytes, not %d", f.Name, e.Size, size)
	case f.SHA256 != "" && e.SHA256 != "" && e.SHA256 != f.SHA256:
		return fmt.Errorf("%q has sha256 %s, not %s", f.Name, e.SHA256, f.SHA256)
	}
	return nil
}
