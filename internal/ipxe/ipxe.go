// Package ipxe reads the files that an iPXE boot script loads: the kernel, its
// command line and the initial ramdisks. It does not run the script or follow
// its labels: it reads all commands, whatever decides between them. It does not know
// where the files are or what is in them.
//
// https://ipxe.org/scripting and https://ipxe.org/cmd describe scripts and their
// commands.
package ipxe

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// MaxSize is the largest size of a script in bytes. Usual scripts have a few
// hundred.
const MaxSize = 1 << 20

// A Script lists the files that a boot script loads.
type Script struct {
	Kernels []Kernel
	Initrds []File
}

// A File is a file that the script fetches.
type File struct {
	URI  string // as written, with the ${settings} in it that only the machine knows
	Name string // its name on the kernel's command line: the last part of the URI, unless --name sets another
	Line int
}

// A Kernel is a kernel with its command line.
type Kernel struct {
	File
	Args []string
}

// Arg returns the value of name= on the command line. When there are several,
// it returns the last one, as the kernel does.
func (k Kernel) Arg(name string) (string, bool) {
	for _, arg := range slices.Backward(k.Args) {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// AllRamdisks is the name under which iPXE gives a kernel that UEFI has started all ramdisks
// that were loaded.
const AllRamdisks = "initrd.magic"

// Ramdisks returns the names of the ramdisks on the command line: a kernel that UEFI has
// started loads those of every initrd= and puts them together.
func (k Kernel) Ramdisks() []string {
	var names []string
	for _, arg := range k.Args {
		if list, ok := strings.CutPrefix(arg, "initrd="); ok {
			names = append(names, strings.Split(list, ",")...)
		}
	}
	return names
}

// Parse reads a script. It skips commands that it does not know, since scripts
// have many. A kernel or initrd command without a file is an error.
func Parse(r io.Reader) (*Script, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxSize:
		return nil, fmt.Errorf("it has more than %d bytes", MaxSize)
	case len(text) == 0:
		return nil, errors.New("it is empty")
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if words := strings.Fields(first); len(words) == 0 || words[0] != "#!ipxe" && words[0] != "#!gpxe" || first[0] != '#' {
		return nil, errors.New("its first line is not #!ipxe")
	}
	all := commands(string(text))
	known := settingsOf(all)
	s := &Script{}
	for _, c := range all {
		if err := s.add(c, known); err != nil {
			return nil, fmt.Errorf("line %d: %w", c.line, err)
		}
	}
	return s, nil
}

// add adds the file of a command that loads one, and ignores other commands.
func (s *Script) add(c command, known settings) error {
	var words []string
	for _, w := range c.words[1:] {
		words = append(words, known.expand(w))
	}
	name, words := parseOptions(words)
	switch verb := c.words[0]; verb {
	case "kernel", "imgselect", "imgload", "initrd", "imgfetch", "module":
		if len(words) == 0 {
			return fmt.Errorf("%s names no file", verb)
		}
		f := newFile(words[0], name, c.line)
		if verb == "kernel" || verb == "imgselect" || verb == "imgload" {
			s.selectKernel(f, name, words[1:])
		} else {
			s.Initrds = append(s.Initrds, f)
		}
	case "imgargs":
		if len(words) > 0 {
			s.setArgs(newFile(words[0], "", c.line), words[1:])
		}
	case "boot", "imgexec", "chain":
		// Without arguments, chain goes on with another script or boot loader.
		if len(words) > 0 && (verb != "chain" || len(words) > 1 || s.loaded(words[0])) {
			s.selectKernel(newFile(words[0], name, c.line), name, words[1:])
		}
	}
	return nil
}

// newFile returns the file at a URI. ##params and what follows it names a form to send, and
// is no part of the URI; a query and a fragment are no part of the file's name.
func newFile(uri, name string, line int) File {
	uri, _, _ = strings.Cut(uri, "##params")
	file, _, _ := strings.Cut(uri, "#")
	file, _, _ = strings.Cut(file, "?")
	return File{URI: uri, Name: cmp.Or(name, path.Base(file)), Line: line}
}

// selectKernel makes a file the kernel. The file may be one that was loaded before,
// which then is named instead of fetched again.
func (s *Script) selectKernel(f File, name string, args []string) {
	for i := range s.Kernels {
		if k := &s.Kernels[i]; k.Name == f.URI && k.URI != f.URI {
			if len(args) > 0 {
				k.Args, k.Line = args, f.Line
			}
			return
		}
	}
	if i := slices.IndexFunc(s.Initrds, func(r File) bool { return r.Name == f.URI }); i >= 0 {
		f.URI, f.Name = s.Initrds[i].URI, cmp.Or(name, s.Initrds[i].Name)
		s.Initrds = slices.Delete(s.Initrds, i, i+1)
	}
	s.Kernels = append(s.Kernels, Kernel{f, args})
}

// setArgs replaces the command line of an image, which becomes the kernel.
func (s *Script) setArgs(f File, args []string) {
	for i := range s.Kernels {
		if k := &s.Kernels[i]; k.Name == f.URI || k.URI == f.URI {
			k.Args, k.Line = args, f.Line
			return
		}
	}
	s.selectKernel(f, "", args)
}

// loaded reports whether a file of that name was loaded before.
func (s *Script) loaded(name string) bool {
	return slices.ContainsFunc(s.Initrds, func(f File) bool { return f.Name == name }) ||
		slices.ContainsFunc(s.Kernels, func(k Kernel) bool { return k.Name == name })
}

// parseOptions returns the value of --name and the words after all options.
func parseOptions(words []string) (name string, rest []string) {
	for len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-' {
		option, value, joined := strings.Cut(words[0], "=")
		if short := words[0]; short[1] != '-' && len(short) > 2 && (short[1] == 'n' || short[1] == 't') {
			option, value, joined = short[:2], short[2:], true
		}
		words = words[1:]
		if option == "--" {
			break
		}
		if !slices.Contains([]string{"--name", "-n", "--timeout", "-t"}, option) {
			continue
		}
		if !joined && len(words) > 0 {
			value, words = words[0], words[1:]
		}
		if option == "--name" || option == "-n" {
			name = value
		}
	}
	return name, words
}
