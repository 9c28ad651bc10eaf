package rpm

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A Pick is a selected file of a package.
type Pick struct {
	Name   string // name of the unpacked file: the last part of the selected path
	File   File   // the file with the content
	Linked string // the selected symbolic link, "" if File itself was selected
}

// A Selection is the selected files of a package.
type Selection struct {
	Picks []Pick
	// Left are matching symbolic links to files that are picked themselves.
	Left []string
}

// Select finds the files whose paths match one of the patterns, in which * and ?
// stand for anything but a slash. A symbolic link selects the file it refers to
// within the package, unless that file is picked itself.
func (p *Package) Select(patterns []string) (Selection, error) {
	by := map[string]int{}
	for i, f := range p.Files {
		by[f.Path] = i
	}
	chosen := make([]bool, len(p.Files))
	for _, pattern := range patterns {
		if err := p.mark(pattern, chosen); err != nil {
			return Selection{}, err
		}
	}
	s := selector{pkg: p, indexByPath: by, byInode: map[uint32]string{}, byFile: map[int]string{}, byName: map[string]string{}}
	for i, f := range p.Files {
		if chosen[i] && f.Mode.IsRegular() {
			if err := s.pick(i, ""); err != nil {
				return Selection{}, err
			}
		}
	}
	for i, f := range p.Files {
		if chosen[i] && f.Link != "" {
			if err := s.link(f); err != nil {
				return Selection{}, err
			}
		}
	}
	if len(s.Picks) == 0 {
		return Selection{}, errors.New("the patterns match no regular files")
	}
	slices.SortFunc(s.Picks, func(a, b Pick) int { return strings.Compare(a.Name, b.Name) })
	return s.Selection, nil
}

// mark marks the files that match a pattern.
func (p *Package) mark(pattern string, chosen []bool) error {
	any := false
	for i, f := range p.Files {
		fits, err := path.Match(pattern, f.Path)
		if err != nil {
			return fmt.Errorf("%q is not a valid pattern: %w", pattern, err)
		}
		chosen[i] = chosen[i] || fits
		any = any || fits
	}
	if any {
		return nil
	}
	return fault.WithHint(fmt.Errorf("it has no file %q", pattern), p.fileHint())
}

// fileHint lists some of the files, for hints.
func (p *Package) fileHint() string {
	var some []string
	for _, f := range p.Files {
		if !f.Mode.IsDir() {
			some = append(some, f.Path)
		}
	}
	if len(some) == 0 {
		return "it has no files at all"
	}
	return "it has " + human.Some(some, 5)
}

// A selector is the state of Select.
type selector struct {
	Selection
	pkg         *Package
	indexByPath map[string]int
	byInode     map[uint32]string // names by inode
	byFile      map[int]string    // names by file
	byName      map[string]string // paths by name
}

func (s *selector) pick(i int, linked string) error {
	f := s.pkg.Files[i]
	asked := f.Path
	if linked != "" {
		asked = linked
	}
	name := path.Base(asked)
	other, same := s.byFile[i], s.byInode[f.inode]
	switch {
	case f.ghost:
		return fmt.Errorf("%q is a ghost file: the package does not contain it", f.Path)
	case f.SHA256 == "":
		return fmt.Errorf("%q has no SHA-256 in the package", f.Path)
	case s.byName[name] != "":
		return fmt.Errorf("%q and %q have the same name; select one of them", s.byName[name], asked)
	case other != "" || f.inode != 0 && same != "":
		return fmt.Errorf("%q and %q are the same file; select one of them", other+same, asked)
	}
	s.byName[name], s.byFile[i] = asked, asked
	if f.inode != 0 {
		s.byInode[f.inode] = asked
		s.byFile[i] = ""
	}
	s.Picks = append(s.Picks, Pick{Name: name, File: f, Linked: linked})
	return nil
}

// maxLinks is the longest chain of symbolic links to a file.
const maxLinks = 8

// link picks the file that a symbolic link refers to.
func (s *selector) link(f File) error {
	at := f
	for range maxLinks {
		to := at.Link
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at.Path), to)
		}
		i, ok := s.indexByPath[path.Clean(to)]
		if !ok {
			return fmt.Errorf("%q is a symbolic link to %q, which is not in the package", f.Path, to)
		}
		if at = s.pkg.Files[i]; at.Link != "" {
			continue
		}
		if !at.Mode.IsRegular() {
			return fmt.Errorf("%q is a symbolic link, but not to a regular file", f.Path)
		}
		if s.pickedItself(at) {
			s.Left = append(s.Left, f.Path)
			return nil
		}
		return s.pick(i, f.Path)
	}
	return fmt.Errorf("%q: too many levels of symbolic links", f.Path)
}

// pickedItself reports whether a file was picked, and not by way of a link.
func (s *selector) pickedItself(f File) bool {
	return slices.ContainsFunc(s.Picks, func(p Pick) bool { return p.File.Path == f.Path && p.Linked == "" })
}
