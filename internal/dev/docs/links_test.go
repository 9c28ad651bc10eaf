package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|srcset)="([^"]+)"`)
	codeSpan = regexp.MustCompile("`[^`]*`")
	heading  = regexp.MustCompile(`^#{1,6} (.*)$`)
	inAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	external = regexp.MustCompile(`^(https?|mailto):`)
)

// Every link to a file, and to a heading in it, leads somewhere. Every page can be reached
// from the index of docs.
func TestLinks(t *testing.T) {
	leads := map[string][]string{}
	for _, p := range documents(t) {
		for i, line := range p.prose(t) {
			for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
				target := m[1] + m[2]
				if external.MatchString(target) {
					continue
				}
				name, anchor, _ := strings.Cut(target, "#")
				file := p.name
				if name != "" {
					file = path.Join(path.Dir(p.name), name)
				}
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s:%d: %s leads nowhere", p.name, i+1, target)
					continue
				}
				if anchor != "" && !anchors(t, file)[anchor] {
					t.Errorf("%s:%d: %s has no heading for #%s", p.name, i+1, file, anchor)
				}
				leads[p.name] = append(leads[p.name], file)
			}
		}
	}
	reached := map[string]bool{}
	reach("docs/README.md", leads, reached)
	for _, p := range pages(t) {
		if !reached[p.name] && p.name != "README.md" {
			t.Errorf("no link leads from docs/README.md to %s", p.name)
		}
	}
}

// reach marks a page and all to which its links lead.
func reach(name string, leads map[string][]string, reached map[string]bool) {
	if reached[name] {
		return
	}
	reached[name] = true
	for _, next := range leads[name] {
		reach(next, leads, reached)
	}
}

// documents gives all pages, with those beside README.md.
func documents(t *testing.T) []page {
	t.Helper()
	list := pages(t)
	beside, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range beside {
		if base := filepath.Base(name); base != "README.md" {
			list = append(list, readPage(t, base))
		}
	}
	return list
}

// anchors gives the anchors of the headings of a page, as GitHub and GitLab make them.
func anchors(t *testing.T, name string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	if filepath.Ext(name) != ".md" {
		return found
	}
	for _, line := range readPage(t, name).prose(t) {
		if m := heading.FindStringSubmatch(line); m != nil {
			anchor := strings.ReplaceAll(inAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
			for n, name := 1, anchor; found[anchor]; n++ {
				anchor = name + "-" + strconv.Itoa(n)
			}
			found[anchor] = true
		}
	}
	return found
}
