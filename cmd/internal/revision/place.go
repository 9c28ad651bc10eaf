package revision

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what Place writes. A larger file is written with its size alone: it reads as
// zeros.
const (
	MaxFile  = 64 << 20 // bytes of a file
	maxBytes = 1 << 30  // bytes of a directory
	maxFiles = 20_000   // files of a directory
	maxLinks = 40       // that lead from one to another
)

// Place writes what the revision has at an absolute path of the working tree, a file or a
// directory with all that is below, and returns where it is now. The error of what it does not
// have is fs.ErrNotExist. Of a symbolic link it is what the link leads to, which must be in
// the revision, too.
func (t *Tree) Place(ctx context.Context, file string) (string, error) {
	name, inside := t.below(file)
	if !inside {
		return "", fmt.Errorf("%s is not in the repository %s", file, t.top)
	}
	at := filepath.Join(t.into, file)
	if t.written[name] {
		return at, nil
	}
	real, err := t.resolve(name)
	if err != nil {
		return at, err
	}
	wanted, err := t.under(real, at)
	if err != nil {
		return at, fmt.Errorf("%s: %w", name, err)
	}
	if t.dirs[real] {
		err = os.MkdirAll(at, 0o755)
	}
	if err == nil {
		err = t.write(ctx, wanted)
	}
	t.written[name] = err == nil
	return at, err
}

// resolve follows symbolic links, and gives the path of a file or a directory in the
// revision.
func (t *Tree) resolve(name string) (string, error) {
	todo, at := strings.Split(name, "/"), "."
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		todo = todo[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return "", fmt.Errorf("%s: a symbolic link of the revision leads out of the repository, and is not followed", name)
		}
		e, isEntry := t.entries[next]
		switch {
		case isEntry && e.mode == linkMode:
			if links++; links > maxLinks {
				return "", fmt.Errorf("%s: too many symbolic links lead to each other", name)
			}
			to := t.links[e.object]
			if to == "" || path.IsAbs(to) {
				return "", fmt.Errorf("%s: a symbolic link of the revision leads to %q, and is not followed", name, to)
			}
			todo = append(strings.Split(to, "/"), todo...)
		case !isEntry && !t.dirs[next], isEntry && len(todo) > 0, e.mode == submoduleMode:
			return "", &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		default:
			at = next
		}
	}
	return at, nil
}

// under gives the objects of a file, or of all files below a directory, by where they are to
// be written. What links below the directory lead to is left out if it is not a file.
func (t *Tree) under(real, at string) (map[string]string, error) {
	if e, ok := t.entries[real]; ok {
		return map[string]string{at: e.object}, nil
	}
	wanted := map[string]string{}
	for name, e := range t.entries {
		below, ok := strings.CutPrefix(name, real+"/")
		if real == "." {
			below, ok = name, true
		}
		if !ok || e.mode == submoduleMode {
			continue
		}
		if e.mode == linkMode {
			to, err := t.resolve(name)
			if e = t.entries[to]; err != nil || e.object == "" {
				continue
			}
		}
		if wanted[filepath.Join(at, filepath.FromSlash(below))] = e.object; len(wanted) > maxFiles {
			return nil, fmt.Errorf("the revision has more than %d files there", maxFiles)
		}
	}
	return wanted, nil
}

// write writes objects to files.
func (t *Tree) write(ctx context.Context, wanted map[string]string) error {
	sizes, err := t.sizes(ctx, slices.Collect(maps.Values(wanted)))
	if err != nil {
		return err
	}
	left := int64(maxBytes)
	small := map[string][]string{} // files by their object
	for _, at := range slices.Sorted(maps.Keys(wanted)) {
		object := wanted[at]
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		size, there := sizes[object]
		switch {
		case !there:
			return fmt.Errorf("git does not have %s, of %s: in a partial clone, fetch it first", object, filepath.Base(at))
		case size > MaxFile:
			if err := errors.Join(os.WriteFile(at, nil, 0o644), os.Truncate(at, size)); err != nil {
				return err
			}
			continue
		}
		if left -= size; left < 0 {
			return fmt.Errorf("the revision has more than %d MiB there", maxBytes>>20)
		}
		small[object] = append(small[object], at)
	}
	return t.contents(ctx, slices.Sorted(maps.Keys(small)), func(object string, content []byte) error {
		for _, at := range small[object] {
			if err := os.WriteFile(at, content, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// sizes gives the sizes of those objects that are there, in bytes.
func (t *Tree) sizes(ctx context.Context, objects []string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := t.ask(ctx, "--batch-check", objects, func(r *bufio.Reader) error {
		object, size, err := answer(r)
		if size >= 0 {
			sizes[object] = size
		}
		return err
	})
	return sizes, err
}

// contents reads objects that are there, each once.
func (t *Tree) contents(ctx context.Context, objects []string, do func(object string, content []byte) error) error {
	return t.ask(ctx, "--batch", objects, func(r *bufio.Reader) error {
		object, size, err := answer(r)
		if err != nil {
			return err
		}
		if size < 0 || size > MaxFile {
			return fmt.Errorf("git gives %s with %d bytes", object, size)
		}
		content := make([]byte, size+1) // a line end follows
		if _, err := io.ReadFull(r, content); err != nil {
			return err
		}
		return do(object, content[:size])
	})
}

// ask asks git about objects. read reads the answer to one.
func (t *Tree) ask(ctx context.Context, how string, objects []string, read func(*bufio.Reader) error) error {
	if len(objects) == 0 {
		return nil
	}
	in := strings.NewReader(strings.Join(objects, "\n") + "\n")
	return git(ctx, t.top, in, func(out io.Reader) error {
		r := bufio.NewReader(out)
		for range objects {
			if err := read(r); err != nil {
				return err
			}
		}
		return nil
	}, "cat-file", how)
}

// answer reads the line that git begins an answer with: OBJECT blob SIZE. The size of an
// object that is not there, or is not a file, is -1.
func answer(r *bufio.Reader) (object string, size int64, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", 0, fmt.Errorf("read what git cat-file prints: %w", err)
	}
	words := append(strings.Fields(line), "")
	if len(words) == 4 && words[1] == "blob" {
		size, err = strconv.ParseInt(words[2], 10, 64)
		return words[0], size, err
	}
	return words[0], -1, nil
}
