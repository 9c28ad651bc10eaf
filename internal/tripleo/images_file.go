package tripleo

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A ListedImage is one entry of an images file.
type ListedImage struct {
	Name            string // imagename, as written: host/path:tag; oci:DIR:path:tag with an absolute DIR
	PushDestination string // a host, maybe with a path; "" if the entry has none
	Place           Place
}

// ReadImages reads an images file, such as Result.ImagesFile or the old tool
// writes. It refuses entries that cannot be used as they are, such as one that
// wants the image modified. If the first entry is a bare reference, the file is a
// plain list with one image per line. With an error, which joins the mistakes, it
// returns the entries without one.
func ReadImages(open Open, path string) ([]ListedImage, error) {
	text, err := readFile(open, path)
	if err != nil {
		return nil, err
	}
	lines := listLines(path, text)
	switch {
	case len(lines) == 0:
		return nil, fmt.Errorf("%s: it is empty and names no image", path)
	case !isYAML(lines[0].text):
		return plainList(path, lines)
	}
	root, err := parseYAML(path, text, nil)
	if err != nil {
		return nil, err
	}
	if root.kind != isMap {
		return nil, fault.WithHint(root.place.hidden().errorf("an images file begins with container_images:, this is %s", root.kind),
			"write each image alone on its line, as host/path:tag, or all under container_images, as imagename")
	}
	list := root.get("container_images")
	var errs []error
	for _, p := range root.pairs {
		if list == nil {
			p.place = p.place.hidden()
		}
		if p.key != "container_images" {
			errs = append(errs, p.place.errorf("an images file holds container_images, not %q", quotable(p.key)))
		}
	}
	if list == nil || list.kind != isList {
		return nil, joinMistakes(path, append(errs, root.place.hidden().errorf("container_images: a list is wanted")))
	}
	var images []ListedImage
	for i, item := range list.items {
		image, err := listedImage(item, i)
		if errs = append(errs, err); err == nil {
			image.Name = fromList(path, image.Name)
			images = append(images, image)
		}
	}
	return images, joinMistakes(path, errs)
}

// fromList returns the name of an image in a list. The path of a layout, in oci:DIR or
// oci:DIR:path:tag, counts from the list, as paths in a plan count from the plan.
func fromList(list, name string) string {
	rest, ok := strings.CutPrefix(name, "oci:")
	layout, inside, named := strings.Cut(rest, ":")
	if !ok || layout == "" || filepath.IsAbs(layout) {
		return name
	}
	name = "oci:" + filepath.Join(filepath.Dir(list), layout)
	if named {
		name += ":" + inside
	}
	return name
}

func listedImage(n *node, i int) (ListedImage, error) {
	what := fmt.Sprintf("container_images: item %d", i+1)
	image := ListedImage{Place: n.place}
	if n.kind != isMap {
		return image, n.place.errorf("%s: a mapping with imagename is wanted, this is %s", what, n.kind)
	}
	for _, p := range n.pairs {
		switch p.key {
		case "imagename", "push_destination":
			if p.value.kind != isText || p.value.text == "" {
				return image, p.place.errorf("%s: %s: a name is wanted, this is %s", what, p.key, p.value.kind)
			}
		case "image_source", "params", "services":
			// These are for the tools that write the file.
		default:
			return image, p.place.errorf("%s: %q is not supported", what, p.key)
		}
	}
	if v := n.get("imagename"); v != nil {
		image.Name = v.text
	} else {
		return image, n.place.errorf("%s: imagename is missing", what)
	}
	if v := n.get("push_destination"); v != nil {
		image.PushDestination = v.text
	}
	return image, nil
}

// A listLine is a line of a plain list.
type listLine struct {
	place Place
	text  string
}

// listLines returns the lines of a plain list, without blank lines and comments. A
// comment begins with a # at the beginning of a line or after white space.
func listLines(path, text string) []listLine {
	var all []listLine
	n := 0
	for line := range strings.Lines(text) {
		l := line
		n++
		for _, comment := range []string{" #", "\t#"} {
			l, _, _ = strings.Cut(l, comment)
		}
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			col := utf8.RuneCountInString(line[:strings.Index(line, l)]) + 1
			all = append(all, listLine{Place{path, n, col}, l})
		}
	}
	return all
}

// isYAML reports whether a line begins an images file in YAML, or what was meant as one:
// it begins a document, a list or a mapping. No line of a plain list does.
func isYAML(text string) bool {
	return strings.ContainsAny(text[:1], "-%{[?!&\"'") || strings.HasSuffix(text, ":") || strings.Contains(text, ": ") || strings.Contains(text, ":\t")
}

// isReference reports whether a line may be the name of an image. Whether it is one, those
// who use the list find out.
func isReference(text string) bool {
	return !strings.ContainsAny(text, " \t{}[]\"',") && !strings.HasSuffix(text, ":")
}

// listed matches what people write into a plain list: the name of an image, also one
// without a host, and one as skopeo wants it.
var listed = lazyregexp.New(`^(?:oci:\S+|docker://[A-Za-z0-9]\S+|[A-Za-z0-9._-]+(?::[0-9]+)?/\S+|[a-z0-9._-]{1,64}(?:[:@][A-Za-z0-9._:-]+)?)$`)

// maxQuoted is how many bytes of a line a message quotes.
const maxQuoted = 100

func plainList(path string, lines []listLine) ([]ListedImage, error) {
	if !slices.ContainsFunc(lines, func(l listLine) bool { return listed.MatchString(l.text) }) {
		// It is another file, which may hold secrets.
		return nil, Place{File: path, Line: lines[0].place.Line}.errorf("one image a line is wanted, host/path:tag, and no line is one")
	}
	var images []ListedImage
	var errs []error
	for _, l := range lines {
		if !isReference(l.text) {
			shown := l.text
			if len(shown) > maxQuoted {
				shown = strings.ToValidUTF8(shown[:maxQuoted], "") + "..."
			}
			errs = append(errs, l.place.errorf("one image a line is wanted, host/path:tag, this is %q", shown))
			continue
		}
		images = append(images, ListedImage{Name: fromList(path, l.text), Place: l.place})
	}
	return images, joinMistakes(path, errs)
}
