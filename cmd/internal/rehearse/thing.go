package rehearse

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/trees"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/runner"
)

// A thing is something that a plan expects to be there: a file or directory of the host,
// what is at an address, or a file in an archive or package.
type thing struct {
	path, url string // one of them is set; neither for a member
	name      string // the last part of its path or address

	runner.Expectation                   // the first one that names it, with the most special kind
	members            map[string]*thing // of an archive or package, by name
	order              []string          // of the names

	inFolder bool   // it is to be in the plan's folder
	own      bool   // and is there
	disk     string // where: the plan's folder may be one of an earlier revision
	content  []byte
}

// member gives a file of an archive or package.
func (t *thing) member(name string) *thing {
	if m := t.members[name]; m != nil {
		return m
	}
	m := &thing{name: path.Base(name), Expectation: runner.Expectation{Node: t.Node, Expected: runner.Expected{Kind: runner.ExpectFile}}}
	if t.members == nil {
		t.members = map[string]*thing{}
	}
	t.members[name], t.order = m, append(t.order, name)
	return m
}

// refine takes over what an expectation says more of the thing than was known.
func (t *thing) refine(e runner.Expectation) {
	if t.Kind == runner.ExpectFile && e.Kind != runner.ExpectFile {
		t.Kind = e.Kind
	}
	if t.Format == "" {
		t.Format = e.Format
	}
	t.Signed = t.Signed || e.Signed
	if t.Into == "" {
		t.Into = e.Into
	}
	for _, name := range e.Names {
		switch e.Kind {
		case runner.ExpectArchive:
			t.member(name)
		default:
			if !slices.Contains(t.Names, name) {
				t.Names = append(t.Names, name)
			}
		}
	}
}

// things finds out where each thing that a plan expects has to come from.
type things struct {
	root    *places.Root
	folder  places.Folder
	steps   []runner.Touched
	wanted  []runner.Expectation
	byPath  map[string]*thing
	byURL   map[string]*thing
	ordered []*thing
}

// thingsOf gives the things that the steps of a plan expect, without those that other
// steps make.
func thingsOf(r *places.Root, in places.Folder, steps []runner.Touched) *things {
	t := &things{root: r, folder: in, steps: steps, wanted: runner.Expectations(steps), byPath: map[string]*thing{}, byURL: map[string]*thing{}}
	for _, e := range t.wanted {
		if at := t.source(e); at != nil {
			at.refine(e)
		}
	}
	return t
}

// missing gives the files that steps which are off expect in the plan's folder, that are not there
// and that no step makes. A path that holds a variable is left out: the step may be on with
// another value.
func (t *things) missing(off []runner.Touched) []*thing {
	all := thingsOf(t.root, t.folder, slices.Concat(t.steps, off))
	return slices.DeleteFunc(all.ordered, func(o *thing) bool {
		isOff := slices.ContainsFunc(off, func(s runner.Touched) bool { return s.Node == o.Node })
		isDir := o.Kind == runner.ExpectDirectory || o.Kind == runner.ExpectEnvironments
		return !isOff || isDir || !o.inFolder || o.own || o.Node.Step.With.Filled(o.Field)
	})
}

// carry lets what a step makes of a thing be as a later plan needs it, which expects a file of that
// name: somebody carries it there.
func (t *things) carry(later *things) {
	for _, o := range later.ordered {
		if o.path == "" || o.own || o.inFolder {
			continue
		}
		for _, maker := range t.wanted {
			if maker.To == "" || path.Base(maker.To) != o.name {
				continue
			}
			if from := t.source(maker); from != nil && !from.own {
				from.take(o)
			}
		}
	}
}

// take lets a thing be as another one, too.
func (t *thing) take(o *thing) {
	t.refine(o.Expectation)
	for _, name := range o.Names {
		if !slices.Contains(t.Names, name) {
			t.Names = append(t.Names, name)
		}
	}
	for _, name := range o.order {
		t.member(name).take(o.members[name])
	}
}

// source gives the thing that an expectation names, nil if a step makes it.
func (t *things) source(e runner.Expectation) *thing {
	if e.URL != "" && e.Path == "" {
		if local := download.LocalPath(e.URL); local != "" {
			return t.at(local, e)
		}
		return t.atURL(e.URL, e)
	}
	if e.Path == "" || e.Kind == runner.ExpectServed {
		return nil
	}
	return t.at(e.Path, e)
}

func (t *things) atURL(raw string, e runner.Expectation) *thing {
	key := addressKey(raw)
	if at := t.byURL[key]; at != nil {
		return at
	}
	at := &thing{url: key, name: path.Base(key), Expectation: e}
	if artifacts.Is(key) {
		at.name = path.Base(titleOf(at))
	}
	at.Names = nil // refine adds them
	t.byURL[key], t.ordered = at, append(t.ordered, at)
	return at
}

// at gives the thing at a path, as the step of an expectation needs it: that from which
// another step makes it, or the file itself.
func (t *things) at(where string, e runner.Expectation) *thing {
	for _, maker := range t.wanted {
		if maker.To == where && maker.Node != e.Node {
			return t.source(maker)
		}
	}
	for _, s := range t.steps {
		if s.Node != e.Node && slices.Contains(s.Writes, where) {
			return nil
		}
	}
	if from, name := t.container(where, e); from != nil {
		return from.member(name)
	}
	for _, s := range t.steps {
		if s.Node != e.Node && slices.ContainsFunc(s.Into, func(dir string) bool { return pathindex.Within(where, dir) }) {
			return nil
		}
	}
	return t.onHost(where, e)
}

func (t *things) onHost(where string, e runner.Expectation) *thing {
	if at := t.byPath[where]; at != nil {
		return at
	}
	at := &thing{path: where, name: filepath.Base(where), Expectation: e}
	at.Names = nil
	at.disk, at.inFolder = t.root.Real(where), t.isInFolder(where, e)
	if at.inFolder && e.Kind != runner.ExpectDirectory {
		at.disk = t.folder.OnDisk(at.disk)
		at.inFolder = !trees.Leaves(t.homeOf(e, at.disk), at.disk)
	}
	_, err := os.Stat(at.disk)
	at.own = err == nil && at.inFolder
	t.byPath[where], t.ordered = at, append(t.ordered, at)
	return at
}

// homeOf gives the directory that no link to a file of an expectation's plan may lead out of.
func (t *things) homeOf(e runner.Expectation, disk string) string {
	return t.folder.Home(t.folder.Real(e.Node.Step.With.Dir()), disk)
}

// isInFolder reports whether a path is one of the plan's folder: the plan names it by a
// relative path, or it lies there.
func (t *things) isInFolder(where string, e runner.Expectation) bool {
	real := t.root.Real(where)
	return t.root.IsRelative(real) || e.Node != nil && pathindex.Within(real, t.folder.Real(e.Node.Step.With.Dir()))
}

// container gives the archive or package from which a file comes that is unpacked into a
// directory, and the file's name in it.
func (t *things) container(where string, e runner.Expectation) (*thing, string) {
	var best *thing
	bestName, bestScore := "", -1
	for _, maker := range t.wanted {
		if maker.Into == "" || maker.Node == e.Node || !pathindex.Within(where, maker.Into) || where == maker.Into {
			continue
		}
		from := t.source(maker)
		name, err := filepath.Rel(maker.Into, where)
		if from == nil || err != nil {
			continue
		}
		if score := from.score(name, maker.Names); score > bestScore {
			best, bestName, bestScore = from, name, score
		}
	}
	return best, bestName
}

// score says how well a file fits into an archive or package: by the names that must be in
// it, or else by how much of their names is the same. It is negative for an archive of the
// plan's folder without the file.
func (t *thing) score(name string, names []string) int {
	if t.own {
		if has(t.disk, name) {
			return 1000
		}
		return -1
	}
	for _, n := range names {
		if ok, _ := path.Match(path.Base(n), name); ok || n == name {
			return 500 + len(n)
		}
	}
	n := 0
	for base := path.Base(name); n < min(len(t.name), len(base)) && t.name[n] == base[n]; n++ {
	}
	return n
}

// has reports whether a file may be in an archive of the plan's folder: that of one which
// is compressed is not known.
func has(archive, name string) bool {
	f, err := os.Open(archive)
	if err != nil {
		return false
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			return true
		case path.Clean(h.Name) == name:
			return true
		}
	}
}

// exists reports whether something is at a path, of whatever kind.
func exists(where string) bool {
	_, err := os.Lstat(where)
	return !errors.Is(err, fs.ErrNotExist)
}
