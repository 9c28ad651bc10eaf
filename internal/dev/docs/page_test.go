package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the repository.
var root = filepath.Join("..", "..", "..")

// A page is a document, named by its path from the top of the repository.
type page struct {
	name  string
	lines []string
}

// A block is what stands between two fences.
type block struct {
	line      int // of its first line, from 0
	language  string
	lines     []string
	file      string // its name, if it is a file
	elsewhere string // the test that runs it, if this one does not
}

// A transcript is a command with the output that the page shows, which is in the lines from
// and to of the page.
type transcript struct {
	command  string
	output   string
	from, to int
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return page{name: filepath.ToSlash(name), lines: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")}
}

// pages gives README.md and all pages under docs.
func pages(t *testing.T) []page {
	t.Helper()
	list := []page{readPage(t, "README.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err == nil {
			list = append(list, readPage(t, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// isGenerated tells whether a page is made of the code. Its blocks may show how commands are
// called; another test compares it with the code.
func (p page) isGenerated() bool { return strings.HasPrefix(p.lines[0], "<!-- Made of the code by ") }

var (
	fence     = regexp.MustCompile("^```([a-z]*)$")
	fileName  = regexp.MustCompile("`([^` ]+)`:$")
	runByTest = regexp.MustCompile(`^<!-- run by (\S+) in (\S+) -->$`)
)

// blocks gives the blocks of a page.
func (p page) blocks(t *testing.T) []block {
	t.Helper()
	var list []block
	before, inside := "", false
	for i, line := range p.lines {
		m := fence.FindStringSubmatch(line)
		switch {
		case m == nil && strings.HasPrefix(line, "```"):
			t.Errorf("%s:%d: the language of a block is one word", p.name, i+1)
		case m != nil && !inside:
			b := block{line: i + 1, language: m[1]}
			if name := fileName.FindStringSubmatch(before); name != nil && b.language != "console" {
				b.file = name[1]
			}
			if test := runByTest.FindStringSubmatch(before); test != nil {
				b.elsewhere = test[1] + " in " + test[2]
			}
			list = append(list, b)
			inside = true
		case m != nil:
			inside = false
		case inside:
			last := &list[len(list)-1]
			last.lines = append(last.lines, line)
		case line != "":
			before = line
		}
		if inside {
			before = ""
		}
	}
	return list
}

// prose gives the lines of a page that are in no block; those of blocks are empty.
func (p page) prose(t *testing.T) []string {
	t.Helper()
	lines := append([]string(nil), p.lines...)
	for _, b := range p.blocks(t) {
		for i := range b.lines {
			lines[b.line+i] = ""
		}
		lines[b.line-1] = ""
	}
	return lines
}

// transcripts gives the commands of a console block.
func (b block) transcripts() []transcript {
	var list []transcript
	continued := false
	for i, line := range b.lines {
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case begins:
			list = append(list, transcript{command: command, from: b.line + i + 1, to: b.line + i + 1})
		case len(list) == 0:
			list = append(list, transcript{command: "false # the block begins with no command", from: b.line, to: b.line})
		case continued:
			last := &list[len(list)-1]
			last.command += "\n" + line
			last.from, last.to = b.line+i+1, b.line+i+1
		default:
			last := &list[len(list)-1]
			last.output += line + "\n"
			last.to = b.line + i + 1
		}
		continued = (begins || continued) && strings.HasSuffix(line, `\`)
	}
	return list
}

// text is what is in the block.
func (b block) text() string { return strings.Join(b.lines, "\n") + "\n" }

// isPlan tells whether the block is a whole plan.
func (b block) isPlan() bool {
	return b.language == "yaml" && strings.Contains("\n"+b.text(), "\napiVersion: bayplan/v1\n") && strings.Contains(b.text(), "\nsteps:")
}
