package pieces

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// renamingPath is the name of a file that is there while the pieces of a staged row get their
// names. It holds the number of the pieces. As long as it is there, a piece is the staged one
// or, where that has its name already, the one of that name: the row is replaced in one step.
func renamingPath(base string) string { return base + ".renaming" }

// maxRenaming is the largest file with a number of pieces.
const maxRenaming = 16

// renaming gives the number of the pieces that get their names, 0 if none do. The table of a row
// is removed before its pieces get their names: a file that stands beside one is foreign.
func renaming(base string) (int, error) {
	path := renamingPath(base)
	text, err := readSmall(path, maxRenaming)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, foreignRenaming(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil || n < 1 || n > maxPieces:
		return 0, foreignRenaming(fmt.Errorf("%s holds %.20q, not a number of pieces", path, text))
	case exists(TablePath(base)):
		return 0, foreignRenaming(fmt.Errorf("there is %s, and also the table %s: no killed run leaves both", path, TablePath(base)))
	}
	return n, nil
}

func foreignRenaming(err error) error {
	return fault.WithHint(err, "move it away: only a run that was killed while pieces got their names leaves such a file")
}

// renamed gives the files of a row whose pieces get their names.
func renamed(base string, n int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = Name(base, i+1)
		if staged := Name(Staged(base), i+1); exists(staged) {
			paths[i] = staged
		}
	}
	return paths
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Publish gives a staged row its name, in place of the row that has it. All bytes are lasting
// already. Whenever it is killed, the row of the name is the old one or the new one.
func (f *File) Publish(base string) error {
	if !f.split {
		err := durable.Rename(f.base, base)
		f.base = base
		return err
	}
	n := len(f.files)
	if err := durable.WriteBytes(renamingPath(base), fileMode, []byte(strconv.Itoa(n)+"\n")); err != nil {
		return err
	}
	f.base = base
	return finish(base, n)
}

// finish gives n staged pieces their names.
func finish(base string, n int) error {
	for i := range n {
		if err := os.Rename(Name(Staged(base), i+1), Name(base, i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	numbers, err := list(base)
	if err != nil {
		return err
	}
	for _, i := range numbers {
		if i > n {
			if err := os.Remove(Name(base, i)); err != nil {
				return err
			}
		}
	}
	if err := durable.SyncDir(filepath.Dir(base)); err != nil {
		return err
	}
	if err := os.Remove(renamingPath(base)); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(base))
}

// Remove removes all files of a row.
func Remove(base string) error {
	row, err := Look(base)
	if err != nil || row == nil {
		return err
	}
	for i := len(row.Paths) - 1; i >= 0; i-- {
		if err := os.Remove(row.Paths[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
