// Package pieces keeps the bytes of one long file in a row of files, none of which is longer
// than a file system or a medium allows, or in one file. A table beside them names the pieces
// with their digests. It knows nothing of what the bytes are, nor of signatures.
package pieces

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// maxPieces is the largest number of pieces in a row.
const maxPieces = 9999

// Name gives the name of a piece. The first one has the number 1.
func Name(base string, n int) string { return fmt.Sprintf("%s.%03d", base, n) }

// stagedSuffix ends the name of a row that is to replace another one.
const stagedSuffix = ".part"

// Staged gives the name of the row that is to replace a row.
func Staged(base string) string { return base + stagedSuffix }

// A Row is the files that were found under a name: one file of that very name, or pieces.
type Row struct {
	base  string
	Split bool     // in pieces, though there may be one only
	Paths []string // of the files
	infos []fs.FileInfo
}

// Look finds the row of a name. It gives nil where there is none. It is an error if a piece is
// missing or short, or if there is a file of that name and pieces besides.
func Look(base string) (*Row, error) {
	if target, staged := strings.CutSuffix(base, stagedSuffix); staged {
		if n, err := renaming(target); n > 0 || err != nil {
			return nil, err // its pieces are those of the target
		}
	}
	n, err := renaming(base)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		return rowOf(base, true, renamed(base, n))
	}
	numbers, err := list(base)
	if err != nil {
		return nil, err
	}
	_, whole := os.Stat(base)
	switch {
	case len(numbers) > 0 && whole == nil:
		err := fmt.Errorf("there is %s, and also %s: one of them is of another set", base, Name(base, numbers[0]))
		return nil, fault.WithHint(err, "move away what does not belong there")
	case len(numbers) > 0:
		paths := make([]string, len(numbers))
		for i, n := range numbers {
			if n != i+1 {
				return nil, missing(base, i+1)
			}
			paths[i] = Name(base, n)
		}
		return rowOf(base, true, paths)
	case errors.Is(whole, fs.ErrNotExist):
		return nil, nil
	}
	return rowOf(base, false, []string{base})
}

func missing(base string, n int) error {
	return fault.WithHint(fmt.Errorf("the piece %s is missing", Name(base, n)), "copy all pieces, and the table of pieces beside them")
}

// list gives the numbers of the pieces of a name, in their order.
func list(base string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var numbers []int
	for _, e := range entries {
		if n := number(filepath.Base(base), e.Name()); n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}

// number gives the number of a piece from its name, 0 for another file.
func number(base, name string) int {
	digits, ok := strings.CutPrefix(name, base+".")
	if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && n <= maxPieces && Name(base, n) == name {
		return n
	}
	return 0
}

// rowOf looks at the files of a row.
func rowOf(base string, split bool, paths []string) (*Row, error) {
	r := &Row{base: base, Split: split, Paths: paths, infos: make([]fs.FileInfo, len(paths))}
	for i, path := range paths {
		fi, err := os.Stat(path)
		if split && errors.Is(err, fs.ErrNotExist) {
			return nil, missing(base, i+1)
		}
		if err != nil {
			return nil, err
		}
		r.infos[i] = fi
	}
	for i, fi := range r.infos {
		switch first, last := r.infos[0].Size(), i == len(paths)-1; {
		case !split:
		case !fi.Mode().IsRegular():
			return nil, fmt.Errorf("%s is not a regular file, and a piece is one", paths[i])
		case !last && fi.Size() < first, last && i > 0 && first == 0:
			return nil, shortError(paths[i], fi.Size(), first)
		case fi.Size() > first:
			return nil, shortError(paths[0], first, fi.Size())
		}
	}
	return r, nil
}

func shortError(path string, has, want int64) error {
	err := fmt.Errorf("the piece %s is cut off, or of another set: it has %d bytes, and other pieces have %d", path, has, want)
	return fault.WithHint(err, "copy it again; where it was packed, delete all pieces and pack anew")
}

// Size is the number of bytes in all files.
func (r *Row) Size() int64 {
	n := int64(0)
	for _, fi := range r.infos {
		n += fi.Size()
	}
	return n
}

// Irregular gives the file of the row that is not a regular one, nil for none.
func (r *Row) Irregular() fs.FileInfo {
	for _, fi := range r.infos {
		if !fi.Mode().IsRegular() {
			return fi
		}
	}
	return nil
}

// Linked says whether a file of the row has a second name.
func (r *Row) Linked() bool {
	return slices.ContainsFunc(r.infos, func(fi fs.FileInfo) bool {
		st, ok := fi.Sys().(*syscall.Stat_t)
		return ok && st.Nlink > 1
	})
}

// Unchanged says whether the files are as they were found. Rows that are nil stand for no file,
// and Look has to find that out.
func (r *Row) Unchanged() bool {
	for i, path := range r.Paths {
		if fi, err := os.Stat(path); err != nil || !same(r.infos[i], fi) {
			return false
		}
	}
	if !r.Split {
		return true
	}
	return !exists(Name(r.base, len(r.Paths)+1))
}

// UnchangedAt is Unchanged for the files that have n bytes from off on, and the last file. It looks
// at few files of a row of many.
func (r *Row) UnchangedAt(off, n int64) bool {
	last := len(r.Paths) - 1
	from := int(min(off/r.step(), int64(last)))
	to := int(min((off+max(n, 1)-1)/r.step(), int64(last)))
	for i := range r.Paths {
		if i < from || i > to && i < last {
			continue
		}
		if fi, err := os.Stat(r.Paths[i]); err != nil || !same(r.infos[i], fi) {
			return false
		}
	}
	return !r.Split || !exists(Name(r.base, last+2))
}

// Same says whether two rows are the same files with the same content. Each may be nil.
func Same(a, b *Row) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return slices.Equal(a.Paths, b.Paths) && slices.EqualFunc(a.infos, b.infos, same)
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Fits gives an error unless a row can be added to in pieces of so many bytes, 0 for one file.
func (r *Row) Fits(most int64) error {
	first := r.infos[0].Size()
	switch {
	case most == 0 && r.Split:
		return asIs(fmt.Errorf("%s is in pieces, and the plan does not split it", r.base))
	case most == 0, r.Split && (len(r.Paths) > 1 && first == most || len(r.Paths) == 1 && first <= most):
		return nil
	case !r.Split:
		return asIs(fmt.Errorf("%s is one file, and the plan splits it into pieces", r.base))
	}
	return asIs(fmt.Errorf("%s is in pieces of %d bytes, and the plan splits it into pieces of %d", r.base, first, most))
}

func asIs(err error) error {
	return fault.WithHint(err, "give the layout another name, or delete its files: it is packed anew then")
}

// step gives the bytes of all pieces but the last.
func (r *Row) step() int64 {
	if len(r.Paths) > 1 {
		return r.infos[0].Size()
	}
	return math.MaxInt64
}

// StillNone says whether there is no row of a name, as Look has found.
func StillNone(base string) bool { return !exists(base) && !exists(Name(base, 1)) }

// OwnAlone says whether nobody but the user can have written the files, none of which is a link.
func (r *Row) OwnAlone() bool {
	return !slices.ContainsFunc(r.Paths, func(path string) bool {
		fi, err := os.Lstat(path)
		return err != nil || !durable.OwnAlone(fi)
	})
}

// Foreign says whether one of the files is a regular one that another user can have written.
func (r *Row) Foreign() bool {
	return slices.ContainsFunc(r.Paths, func(path string) bool {
		fi, err := os.Lstat(path)
		return err == nil && fi.Mode().IsRegular() && !durable.OwnAlone(fi)
	})
}
