package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

const (
	littleSpace  = 5 << 30   // an overcloud image alone has more than a GiB
	noSpace      = 100 << 20 // not even what bayplan notes while it works may fit
	littleInodes = 10_000
	noInodes     = 100
)

// A volume is one file system that the plan writes to.
type volume struct {
	dir   string   // a directory on it, which is there
	paths []string // what the plan writes there
	needs int64    // bytes of the files that are unpacked or copied there, as far as known
}

// disks looks at the files that the plan reads, the places that it writes, and the room
// there.
func (d *doctor) disks(context.Context) []Finding {
	found := d.missing()
	volumes := map[uint64]*volume{}
	var order []*volume
	for _, target := range d.targets() {
		dir, err := existing(target.path)
		if err != nil {
			found = append(found, fail("write", "remove the file, or correct the path", "%s: %s", target.path, oneLine(err)))
			continue
		}
		if err := d.access(dir, unix.W_OK|unix.X_OK); err != nil {
			found = append(found, fail("write", writeHint(err), "%s cannot be written: %v on %s", target.path, err, dir))
			continue
		}
		device := deviceOf(dir)
		v := volumes[device]
		if v == nil {
			v = &volume{dir: dir}
			volumes[device], order = v, append(order, v)
		}
		v.paths, v.needs = appendNew(v.paths, target.path), v.needs+target.needs
	}
	for _, v := range order {
		found = append(found, v.room()...)
	}
	return found
}

func writeHint(err error) string {
	if errors.Is(err, syscall.EROFS) {
		return "mount it to be written"
	}
	return "run as a user who may write there, or give this one the right to (bayplan never calls sudo)"
}

// A target is a place that the plan writes to.
type target struct {
	path  string
	needs int64 // bytes that go there at least, if nothing is there yet
}

// targets gives the directories that steps write to, and the state's.
func (d *doctor) targets() []target {
	all := []target{{path: d.StateDir}}
	for _, s := range d.paths {
		var read int64
		for _, path := range s.paths.Reads {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				read += info.Size()
			}
		}
		for _, dir := range slices.Concat(s.paths.Into, s.paths.Makes) {
			if dir != "" {
				all = append(all, target{dir, read})
				read = 0
			}
		}
		for _, file := range s.paths.Writes {
			if file != "" {
				all = append(all, target{path: filepath.Dir(file)})
			}
		}
	}
	return all
}

// existing gives the nearest directory of a path that is there.
func existing(path string) (string, error) {
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil && info.IsDir():
			return dir, nil
		case err == nil:
			return "", fmt.Errorf("%s is not a directory", dir)
		case errors.Is(err, syscall.ENOTDIR):
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", err
		}
	}
}

func deviceOf(dir string) uint64 {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0
	}
	return uint64(st.Dev) // it has other widths elsewhere
}

// room says how much room there is on a file system.
func (v *volume) room() []Finding {
	var found []Finding
	if free, known := durable.FreeSpace(v.dir); known {
		found = append(found, v.space(free))
	}
	if free, known := durable.FreeInodes(v.dir); known {
		found = append(found, v.inodes(free))
	}
	return found
}

func (v *volume) space(free int64) Finding {
	text := fmt.Sprintf("%s free for %s", human.Size(free), human.Some(v.paths, 2))
	switch {
	case free < noSpace:
		return fail("space", "make room, or put these elsewhere", "%s", text)
	case free < v.needs:
		return warn("space", "make room, unless it has been unpacked before", "%s, and what is read for them has %s", text, human.Size(v.needs))
	case free < littleSpace:
		return warn("space", "make room: disk images have several GiB", "%s", text)
	}
	return ok("space", "%s", text)
}

func (v *volume) inodes(free int64) Finding {
	const hint = "remove files that are not needed: each file takes an inode, however small it is"
	text := fmt.Sprintf("%d files can be made for %s", free, human.Some(v.paths, 2))
	switch {
	case free < noInodes:
		return fail("inodes", hint, "%s", text)
	case free < littleInodes:
		return warn("inodes", hint, "%s", text)
	}
	return ok("inodes", "%s", text)
}

// missing finds files that the plan reads, that no step makes, and that are not there or
// cannot be read.
func (d *doctor) missing() []Finding {
	dirs, found := d.missingDirectories()
	there, seen := 0, map[string]bool{}
	for _, s := range d.paths {
		for _, path := range slices.Concat(s.paths.Reads, listedLayouts(s.paths.Reads)) {
			if path == "" || seen[path] || d.made(path) {
				continue
			}
			seen[path] = true
			switch err := readInput(path); {
			case err == nil:
				there++
			case errors.Is(err, fs.ErrNotExist) && slices.ContainsFunc(dirs, func(dir string) bool { return pathindex.Within(path, dir) }):
			case errors.Is(err, fs.ErrNotExist):
				found = append(found, fail("read", missingHint("put it there", path), "%s, which step %s reads, is not there", path, s.step.ID))
			default:
				found = append(found, fail("read", cmp.Or(fault.Hint(err), "give the user that runs bayplan the right to read it"), "step %s: %s", s.step.ID, oneLine(err)))
			}
		}
	}
	if there > 0 {
		found = append(found, ok("read", "%s of the plan can be read", human.Count(there, "file", "files")))
	}
	return found
}

// missingHint says what to do about a path that is not there.
func missingHint(do, path string) string {
	ext := filepath.Ext(path)
	var stems []string
	entries, _ := os.ReadDir(filepath.Dir(path)) // without it, nothing is near
	for _, e := range entries {
		if stem, alike := strings.CutSuffix(e.Name(), ext); alike {
			stems = append(stems, stem)
		}
	}
	hint := do + ", or correct the path: no step makes it"
	if near := human.Suggest(strings.TrimSuffix(filepath.Base(path), ext), stems); near != "" {
		hint += "; did you mean " + filepath.Join(filepath.Dir(path), near+ext) + "?"
	}
	return hint
}

// listedLayouts gives the layouts that lists of images among some files name.
func listedLayouts(files []string) []string {
	var all []string
	for _, file := range files {
		for _, image := range listed(file) {
			if layout, _, ok := registry.CutLayout(image); ok {
				all = append(all, layout)
			}
		}
	}
	return all
}

// made reports whether a step makes a file, or makes files where it is. A directory that
// is made empty has none.
func (d *doctor) made(path string) bool {
	return slices.ContainsFunc(d.paths, func(s stepPaths) bool {
		return slices.Contains(s.paths.Writes, path) || slices.Contains(s.paths.Makes, path) ||
			slices.ContainsFunc(s.paths.Into, func(dir string) bool { return dir != "" && pathindex.Within(path, dir) })
	})
}

// missingDirectories finds directories that must be there and that no step makes.
func (d *doctor) missingDirectories() (dirs []string, found []Finding) {
	seen := map[string]bool{}
	for _, e := range runner.Expectations(d.Graph.Foresee()) {
		dir := e.Path
		if e.Kind != runner.ExpectDirectory && e.Kind != runner.ExpectTree || dir == "" || seen[dir] || d.makesDirectory(dir) {
			continue
		}
		seen[dir] = true
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			dirs = append(dirs, dir)
			found = append(found, fail("directory", missingHint("make it", dir),
				"the directory %s, for %s of step %s, is not there", dir, e.Field, e.Node.ID()))
		}
	}
	return dirs, found
}

// makesDirectory reports whether a step makes a directory. mkdir makes those above it, too.
func (d *doctor) makesDirectory(dir string) bool {
	return slices.ContainsFunc(d.paths, func(s stepPaths) bool {
		return slices.Contains(s.paths.Into, dir) ||
			slices.ContainsFunc(s.paths.Makes, func(made string) bool { return made != "" && pathindex.Within(made, dir) })
	})
}

// readInput opens a file, or all the files of an archive in pieces.
func readInput(path string) error {
	err := readFile(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(path, ".tar") {
		return err
	}
	_, _, row, err := pieces.Files(path)
	if err != nil {
		return err
	}
	for _, piece := range row.Paths {
		if err := readFile(piece); err != nil {
			return err
		}
	}
	return nil
}

// readFile opens what a step reads. A named pipe is not opened: that would take its writer.
func readFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}
