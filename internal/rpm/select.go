package rpm

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Pick is a file that is wanted out of a package.
type Pick struct {
	Name   string // under which it is unpacked: the last part of its path
	File   File   // that has the content
	Linked string // the symbolic link that was asked for, "" for the file itself
}

// A Selection is what is wanted of a package.
type Selection struct {
	Picks []Pick
	// Left are symbolic links that fit too, and only name again what is picked.
	Left []string
}

// Select finds the files whose paths fit one of the patterns, in which * and ?
// stand for anything but a slash. A symbolic link stands for the file that it
// leads to within the package, unless that is picked itself.
func (p *Package) Select(patterns []string) (Selection, error) {
	by := map[string]int{}
	for i, f := range p.Files {
		by[f.Path] = i
	}
	chosen := make([]bool, len(p.Files))
	for _, pattern := range patterns {
		if err := p.choose(pattern, chosen); err != nil {
			return Selection{}, err
		}
	}
	s := selecting{pkg: p, by: by, taken: map[uint32]string{}, picked: map[int]string{}, names: map[string]string{}}
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
		return Selection{}, errors.New("what was asked for are no files")
	}
	slices.SortFunc(s.Picks, func(a, b Pick) int { return strings.Compare(a.Name, b.Name) })
	return s.Selection, nil
}

// choose marks what fits a pattern.
func (p *Package) choose(pattern string, chosen []bool) error {
	any := false
	for i, f := range p.Files {
		fits, err := path.Match(pattern, f.Path)
		if err != nil {
			return fmt.Errorf("%q is no pattern: %w", pattern, err)
		}
		chosen[i] = chosen[i] || fits
		any = any || fits
	}
	if any {
		return nil
	}
	return fault.WithHint(fmt.Errorf("it has no file %q", pattern), p.whatThereIs())
}

// whatThereIs names some of the files, for hints.
func (p *Package) whatThereIs() string {
	var some []string
	for _, f := range p.Files {
		if !f.Mode.IsDir() {
			some = append(some, f.Path)
		}
	}
	switch {
	case len(some) == 0:
		return "it holds no files at all"
	case len(some) > 5:
		return fmt.Sprintf("it has %s and %d more", strings.Join(some[:5], ", "), len(some)-5)
	}
	return "it has " + strings.Join(some, ", ")
}

// selecting is the work of Select.
type selecting struct {
	Selection
	pkg    *Package
	by     map[string]int
	taken  map[uint32]string // names by inode
	picked map[int]string    // names by file
	names  map[string]string // paths by name
}

func (s *selecting) pick(i int, linked string) error {
	f := s.pkg.Files[i]
	asked := f.Path
	if linked != "" {
		asked = linked
	}
	name := path.Base(asked)
	other, same := s.picked[i], s.taken[f.inode]
	switch {
	case f.ghost:
		return fmt.Errorf("%q belongs to the package and is not in it", f.Path)
	case f.SHA256 == "":
		return fmt.Errorf("%q has no SHA-256 in the package", f.Path)
	case s.names[name] != "":
		return fmt.Errorf("%q and %q have one name; ask for one of them", s.names[name], asked)
	case other != "" || f.inode != 0 && same != "":
		return fmt.Errorf("%q and %q are one file; ask for one of them", other+same, asked)
	}
	s.names[name], s.picked[i] = asked, asked
	if f.inode != 0 {
		s.taken[f.inode] = asked
		s.picked[i] = ""
	}
	s.Picks = append(s.Picks, Pick{Name: name, File: f, Linked: linked})
	return nil
}

// maxLinks bounds how many links lead to a file.
const maxLinks = 8

// link finds what a symbolic link stands for.
func (s *selecting) link(f File) error {
	at := f
	for range maxLinks {
		to := at.Link
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at.Path), to)
		}
		i, ok := s.by[path.Clean(to)]
		if !ok {
			return fmt.Errorf("%q is a symbolic link to %q, which is not in the package", f.Path, to)
		}
		if at = s.pkg.Files[i]; at.Link != "" {
			continue
		}
		if !at.Mode.IsRegular() {
			return fmt.Errorf("%q is a symbolic link to something else than a file", f.Path)
		}
		if s.itself(at) {
			s.Left = append(s.Left, f.Path)
			return nil
		}
		return s.pick(i, f.Path)
	}
	return fmt.Errorf("%q is a symbolic link that leads nowhere", f.Path)
}

// itself says whether a file was picked as itself.
func (s *selecting) itself(f File) bool {
	return slices.ContainsFunc(s.Picks, func(p Pick) bool { return p.File.Path == f.Path && p.Linked == "" })
}
