package lockfile

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// section matches a line that begins a section.
var section = lazyregexp.New(`(?m)^(?:images|choices|selections):`)

// maxMistakes is how many mistakes are told.
const maxMistakes = 50

// parse reads the lines and reports the mistakes in them.
func parse(path, text string) (map[string]string, error) {
	entries := map[string]string{}
	selections := &selectionReader{entries: entries, seen: map[string]bool{}}
	var errs []error
	var entry func(line string) (name, value string, err error) // of the section
	for n, line := range slices.Collect(strings.Lines(text)) {
		line = strings.TrimRight(line, " \r\n")
		fail := func(err error) { errs = append(errs, fmt.Errorf("%s:%d: %w", path, n+1, err)) }
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case strings.HasPrefix(line, "<<<<<<<"), strings.HasPrefix(line, "======="), strings.HasPrefix(line, ">>>>>>>"):
			fail(fault.WithHint(errors.New("a merge conflict is left here"),
				"delete the lines in conflict and run bayplan lock, which looks their tags up again"))
		case line == "images:" || line == "images: {}":
			entry = parseImage
		case line == "choices:" || line == "choices: {}":
			entry = parseChoice
		case line == "selections:" || line == "selections: {}":
			entry = selections.read
		case !section.MatchString(text): // it may be any file, and hold secrets
			return nil, fmt.Errorf("%s:%d: this is not a lock file: it has no section images, choices or selections", path, n+1)
		case line == trimmed && strings.HasSuffix(line, ":") && !strings.ContainsAny(line, " \t"):
			fail(fault.WithHint(fmt.Errorf("this bayplan does not know the section %s", strings.TrimSuffix(shorten(line), ":")), "use the bayplan that wrote the file or a newer one"))
			entry = func(string) (string, string, error) { return "", "", nil }
		case entry == nil || line == trimmed:
			fail(fmt.Errorf("%q is not a line of a lock file", shorten(trimmed)))
		default:
			name, value, err := entry(trimmed)
			if _, twice := entries[name]; err == nil && twice && name != "" {
				err = fmt.Errorf("%s is locked twice", name)
			}
			if err != nil {
				fail(err)
				continue
			}
			if name != "" {
				entries[name] = value
			}
		}
	}
	if more := len(errs) - maxMistakes; more > 0 {
		errs = append(errs[:maxMistakes], fmt.Errorf("%s: %d more mistakes", path, more))
	}
	return entries, errors.Join(errs...)
}

// parseImage reads "IMAGE: DIGEST". Each of the two may be in quotes.
func parseImage(line string) (image, sum string, err error) {
	image, sum, ok := strings.Cut(line, ": ")
	image, sum = strings.Trim(image, `"'`), strings.Trim(strings.TrimSpace(sum), `"'`)
	if !ok || !strings.Contains(image, "/") || strings.ContainsAny(image, "@ \t") {
		return "", "", fmt.Errorf("%q is not IMAGE:TAG: DIGEST", shorten(line))
	}
	if !strings.Contains(path.Base(image), ":") {
		return "", "", fmt.Errorf("image %q has no tag", image)
	}
	if err := digest.Digest(sum).Validate(); err != nil {
		return "", "", fmt.Errorf("image %s: the digest %q: %w", image, shorten(sum), err)
	}
	return image, sum, nil
}

// parseChoice reads "NAME": "TAG". The name is in double quotes.
func parseChoice(line string) (name, tag string, err error) {
	quoted, err := strconv.QuotedPrefix(line)
	if err == nil {
		name, err = strconv.Unquote(quoted)
	}
	tag, ok := strings.CutPrefix(line[len(quoted):], ": ")
	tag = strings.Trim(strings.TrimSpace(tag), `"'`)
	if _, isChoice := choiceRepository(name); err != nil || !ok || !isChoice || tag == "" || strings.ContainsAny(tag, " \t/:@") {
		return "", "", fmt.Errorf("%s is not \"HOST/NAME RULE\": TAG", shorten(line))
	}
	return name, tag, nil
}

// A selectionReader reads the lines of selections: the name of one, and an image a line
// below it.
type selectionReader struct {
	entries map[string]string
	seen    map[string]bool
	current string
}

// read gives no name: it adds images to the entry of their selection.
func (r *selectionReader) read(line string) (name, value string, err error) {
	image, isImage := strings.CutPrefix(line, "- ")
	image = strings.Trim(strings.TrimSpace(image), `"'`)
	if isImage {
		switch {
		case r.current == "":
			return "", "", fmt.Errorf("%q is not below the name of a selection", shorten(line))
		case !strings.Contains(path.Base(image), ":") || !strings.Contains(image, "/") || strings.ContainsAny(image, "@ \t"):
			return "", "", fmt.Errorf("%q is not - IMAGE:TAG", shorten(line))
		}
		r.entries[r.current] = JoinImages(append(SplitImages(r.entries[r.current]), image))
		return "", "", nil
	}
	r.current = ""
	quoted, err := strconv.QuotedPrefix(line)
	if err == nil {
		name, err = strconv.Unquote(quoted)
	}
	if err != nil || line != quoted+":" || !isSelection(name) {
		return "", "", fmt.Errorf("%s is not \"HOST/NAME tags RULE\": and a list of images", shorten(line))
	}
	if r.seen[name] {
		return "", "", fmt.Errorf("%s is locked twice", name)
	}
	r.seen[name], r.current = true, name
	return "", "", nil
}

// JoinImages gives the value of a selection's entry: the images, sorted, each once.
func JoinImages(images []string) string {
	images = slices.Clone(images)
	slices.Sort(images)
	return strings.Join(slices.Compact(images), " ")
}

// SplitImages gives the images of a selection's entry.
func SplitImages(value string) []string { return strings.Fields(value) }

// isSelection reports whether a name is that of a selection of images: HOST/NAME tags RULE.
func isSelection(name string) bool {
	_, rule, _ := strings.Cut(name, " ")
	return rule == "tags" || strings.HasPrefix(rule, "tags ")
}

func shorten(s string) string {
	const enough = 120
	if len(s) > enough {
		return s[:enough] + "..."
	}
	return s
}

// Choice gives the name of the choice of a tag of a repository, HOST/NAME. The
// rule is what the plan says of the tag: where it changes, the choice is another.
func Choice(repository, rule string) string { return repository + " " + rule }

// choiceRepository gives the repository of a choice's name, and whether the name
// is that of a choice: the name of an image has no space.
func choiceRepository(name string) (string, bool) {
	repository, _, ok := strings.Cut(name, " ")
	return repository, ok
}

const header = "# What the tags of images stand for. bayplan apply adds to it; bayplan lock --update GLOB follows tags that have moved on.\n"

func (f *File) text() []byte {
	var b strings.Builder
	b.WriteString(header)
	var images, choices, selections strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.entries)) {
		if isSelection(name) {
			fmt.Fprintf(&selections, "  %q:\n    - %s\n", name, strings.Join(SplitImages(f.entries[name]), "\n    - "))
		} else if _, ok := choiceRepository(name); ok {
			fmt.Fprintf(&choices, "  %q: %q\n", name, f.entries[name])
		} else {
			fmt.Fprintf(&images, "  %s: %s\n", name, f.entries[name])
		}
	}
	if images.Len() == 0 {
		b.WriteString("images: {}\n")
	} else {
		b.WriteString("images:\n" + images.String())
	}
	if choices.Len() > 0 {
		b.WriteString("choices:\n" + choices.String())
	}
	if selections.Len() > 0 {
		b.WriteString("selections:\n" + selections.String())
	}
	return []byte(b.String())
}
