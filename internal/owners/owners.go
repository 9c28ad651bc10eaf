// Package owners says whether the files of a state are those of users whose word counts, and
// whether a state is that of a plan. It knows nothing else of what is in them.
package owners

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/bayplan/bayplan/internal/fault"
)

// Check refuses a state in which another user has files. An apply believes its
// state, and what it believes it does not do again. It believes the files of this user,
// of root, of the user who called sudo, and of the plan's owner, who decides anyway what
// is done.
func Check(dir, planFile string) error {
	trusted := []uint32{0, uint32(os.Geteuid())} //nolint:gosec // a user's number
	if n, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32); err == nil && os.Geteuid() == 0 {
		trusted = append(trusted, uint32(n))
	}
	if fi, err := os.Stat(planFile); err == nil {
		trusted = append(trusted, ownerOf(fi)...)
	}
	var mapped []uint32 // what the file system calls this user, once it is needed
	for _, sub := range []string{".", "cache", "runs"} {
		err := eachIn(filepath.Join(dir, sub), func(path string, fi fs.FileInfo) error {
			for _, owner := range ownerOf(fi) {
				if slices.Contains(trusted, owner) {
					continue
				}
				if mapped == nil {
					mapped = mappedUser(dir)
				}
				if !slices.Contains(mapped, owner) {
					return foreignError(dir, path, owner)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func foreignError(dir, path string, owner uint32) error {
	name := strconv.FormatUint(uint64(owner), 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return fault.WithHint(
		fmt.Errorf("the state in %s is not trusted: another user, %s, owns %s", dir, name, path),
		"run as that user, or remove what is not yours, or keep the state elsewhere with --state-dir DIR")
}

// eachIn visits a directory and the files in it.
func eachIn(dir string, visit func(path string, fi fs.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	paths := []string{dir}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	for _, path := range paths {
		fi, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has removed it
		}
		if err != nil {
			return err
		}
		if err := visit(path, fi); err != nil {
			return err
		}
	}
	return nil
}

// ownerOf gives the owner of a file, or none where files have none.
func ownerOf(fi fs.FileInfo) []uint32 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return []uint32{st.Uid}
	}
	return nil
}

// mappedUser gives the owner of a file that this user makes in a directory. A network
// share or a directory that a container shares may give it another owner.
func mappedUser(dir string) []uint32 {
	none := []uint32{}
	f, err := os.CreateTemp(dir, ".bayplan-owner-")
	if err != nil {
		return none
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return none
	}
	return append(none, ownerOf(fi)...)
}

// CheckPlan refuses the state in dir if it is not that of the plan file: it was written for the plan
// file recorded, while it was in the directory then.
func CheckPlan(recorded, then, planFile, dir string) error {
	if belongs(recorded, then, planFile, dir) {
		return nil
	}
	return fault.WithHint(
		fmt.Errorf("the state in %s belongs to another plan of the same name, %s", dir, recorded),
		"give one of the two plans another name, or keep its state elsewhere with --state-dir")
}

// belongs reports whether the plan file is the recorded one, by any name, or the state was moved or
// copied and the plan file lies in the same place relative to it, or the plan file was renamed, so
// that there is none of the old name.
func belongs(recorded, then, planFile, dir string) bool {
	if recorded == planFile || sameFile(recorded, planFile) {
		return true
	}
	if way, err := filepath.Rel(then, recorded); err == nil && then != dir {
		beside := filepath.Join(dir, way)
		if beside == planFile {
			return true
		}
		if _, err := os.Lstat(beside); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	_, err := os.Lstat(recorded)
	return errors.Is(err, fs.ErrNotExist)
}

func sameFile(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}
