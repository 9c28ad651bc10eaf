// Package ipxe reads what a boot script for iPXE names: the kernel, its
// command line and the initial ramdisks. It runs nothing, follows no label and
// knows neither where the files are nor what they hold.
//
// The form of scripts and of the commands kernel and initrd is that of
// https://ipxe.org/scripting and https://ipxe.org/cmd.
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

// MaxSize is how many bytes a script may have: iPXE is given a few hundred.
const MaxSize = 1 << 20

// A Script is what a script would load.
type Script struct {
	Kernels []Kernel
	Initrds []File
}

// A File is something that the script fetches.
type File struct {
	URI  string // as it is written, with ${settings} in it
	Name string // what the command line of the kernel calls it: the last part of the URI unless the script says otherwise
	Line int
}

// A Kernel is a kernel with its command line.
type Kernel struct {
	File
	Args []string
}

// Arg gives what follows name= on the command line, the last one when there
// are several, as the kernel takes it.
func (k Kernel) Arg(name string) (string, bool) {
	for _, arg := range slices.Backward(k.Args) {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// Parse reads a script. What it does not know, it passes over, since scripts
// have many commands; kernel and initrd commands that name no file are errors.
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
		if err := s.command(n, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(text) == 0 {
		return nil, errors.New("it is empty")
	}
	return s, nil
}

// command takes in one line, which may hold several commands with && and ||
// between them.
func (s *Script) command(n int, line string) error {
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
		if err := s.load(n, one[0], one[1:]); err != nil {
			return err
		}
	}
	return nil
}

// load takes in a command that loads something.
func (s *Script) load(n int, command string, words []string) error {
	if command != "kernel" && command != "initrd" {
		return nil
	}
	name, words := options(words)
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

// options gives the value of --name, and the words after all options.
func options(words []string) (name string, rest []string) {
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
