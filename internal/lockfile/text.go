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
)

// parse reads the lines and reports all mistakes in them.
func parse(path, text string) (map[string]string, error) {
	entries := map[string]string{}
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
		case entry == nil || line == trimmed:
			fail(fmt.Errorf("%q is not a line of a lock file", shorten(trimmed)))
		default:
			name, value, err := entry(trimmed)
			if _, twice := entries[name]; err == nil && twice {
				err = fmt.Errorf("%s is locked twice", name)
			}
			if err != nil {
				fail(err)
				continue
			}
			entries[name] = value
		}
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
	var images, choices strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.entries)) {
		if _, ok := choiceRepository(name); ok {
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
	return []byte(b.String())
}
