package revision

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checkLinks gives an error for a file that a symbolic link of another repository leads to: the
// files of that one may be written by others than those of the repository at top.
func checkLinks(ctx context.Context, file, top string) error {
	dirs, err := linksOf(file)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		other, err := text(ctx, dir, "rev-parse", "--show-toplevel")
		if err != nil && strings.Contains(err.Error(), "not a git repository") {
			continue // a link of this machine
		}
		if err != nil {
			return err
		}
		if other != top {
			return fmt.Errorf("%s: a symbolic link of the repository %s leads to the repository %s", file, other, top)
		}
	}
	return nil
}

// linksOf gives the directories of all symbolic links that an absolute path leads over, without
// symbolic links in their own paths.
func linksOf(file string) ([]string, error) {
	var dirs []string
	todo, at := split(file), "/"
	for len(todo) > 0 {
		next := filepath.Join(at, todo[0])
		todo = todo[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return nil, err
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		to, err := os.Readlink(next)
		if err != nil {
			return nil, err
		}
		if dirs = append(dirs, at); len(dirs) > maxLinks {
			return nil, fmt.Errorf("%s: too many symbolic links lead to each other", file)
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		todo = append(split(to), todo...)
	}
	return dirs, nil
}

// split gives the parts of a path as they are: ".." may follow a link.
func split(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
}
