// Package ipxe reads the files that an iPXE boot script loads: the kernel, its
// command line and the initial ramdisks. It does not run the script or follow
// its labels, and does not know where the files are or what is in them.
//
// https://ipxe.org/scripting and https://ipxe.org/cmd describe scripts and the
// commands kernel and initrd.
package ipxe

import (
	"bufio"
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
	URI  string // as written, with ${settings} in it
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

// Parse reads a script. It skips commands that it does not know, since scripts
// have many. A kernel or initrd command without a file is an error.
func Parse(r io.Reader) (*Script, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxSize:
		return nil, fmt.Errorf("it has more than %d bytes", MaxSize)
	}
	s := &Script{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	lines.Buffer(nil, MaxSize+1)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if n == 1 && strings.TrimRight(line, " \t\r") != "#!ipxe" {
			return nil, errors.New("its first line is not #!ipxe")
		}
		if err := s.parseLine(n, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(text) == 0 {
		return nil, errors.New("it is empty")
	}
	return s, nil
}

// parseLine reads one line, which may have several commands with && and ||
// between them.
func (s *Script) parseLine(n int, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	for len(words) > 0 {
		end := slices.IndexFunc(words, func(w string) bool { return w == "||" || w == "&&" })
		one := words
		words = nil
		if end >= 0 {
			one, words = one[:end], one[end+1:]
		}
		if len(one) == 0 {
			continue
		}
		if err := s.add(n, one[0], one[1:]); err != nil {
			return err
		}
	}
	return nil
}

// add adds the file of a kernel or initrd command and ignores other commands.
func (s *Script) add(n int, command string, words []string) error {
	if command != "kernel" && command != "initrd" {
		return nil
	}
	name, words := parseOptions(words)
	if len(words) == 0 {
		return fmt.Errorf("%s names no file", command)
	}
	f := File{URI: words[0], Name: cmp.Or(name, path.Base(words[0])), Line: n}
	if command == "initrd" {
		s.Initrds = append(s.Initrds, f)
	} else {
		s.Kernels = append(s.Kernels, Kernel{f, words[1:]})
	}
	return nil
}

// parseOptions returns the value of --name and the words after all options.
func parseOptions(words []string) (name string, rest []string) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		option, value, joined := strings.Cut(words[0], "=")
		words = words[1:]
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
