package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/registry/platforms"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// imageSetNotes say why parts of an ImageSetConfiguration are left out.
var imageSetNotes = map[string]string{
	"archiveSize":      "bayplan keeps images in one layout, to: {layout: PATH}",
	"storageConfig":    "bayplan needs no metadata of earlier runs",
	"mirror.platform":  "only oc-mirror finds the images of a release of OpenShift",
	"mirror.operators": "only oc-mirror reads the catalogs of operators",
	"mirror.helm":      "only oc-mirror renders charts",
	"mirror.samples":   "oc-mirror does not mirror them either",
}

// imageSet reads the additional images of an ImageSetConfiguration, of oc-mirror v1 or v2.
func (r *reader) imageSet(root yamlguard.Value) {
	for _, p := range r.fields(root, "the file") {
		switch p.Key {
		case "kind", "apiVersion", "metadata":
		case "mirror":
			r.imageSetMirror(p.Value)
		default:
			r.imageSetLeftOut(p, p.Key)
		}
	}
	r.useLogins()
}

func (r *reader) imageSetLeftOut(p yamlguard.Pair, at string) {
	why, known := imageSetNotes[at]
	if !known {
		why = "oc-mirror's parameters do not have it"
	}
	r.leftOut(p.Line, at, why)
}

// A blocked image is an expression of images that are not mirrored.
type blocked struct {
	line    int
	text    string
	pattern *regexp.Regexp // nil: the text is no expression
}

func (r *reader) imageSetMirror(v yamlguard.Value) {
	pairs := r.fields(v, "mirror")
	var out []blocked
	for _, p := range pairs {
		switch p.Key {
		case "additionalImages":
		case "blockedImages":
			for i, item := range r.items(p.Value, "mirror.blockedImages") {
				at := fmt.Sprintf("mirror.blockedImages[%d]", i)
				for _, f := range r.fields(item, at) {
					if text := r.text(f.Value, at+"."+f.Key); f.Key == "name" && text != "" {
						pattern, _ := regexp.Compile(text)
						out = append(out, blocked{f.Line, text, pattern})
					}
				}
			}
		default:
			r.imageSetLeftOut(p, "mirror."+p.Key)
		}
	}
	for _, p := range pairs {
		if p.Key == "additionalImages" {
			for i, item := range r.items(p.Value, "mirror.additionalImages") {
				r.additionalImage(item, fmt.Sprintf("mirror.additionalImages[%d]", i), out)
			}
		}
	}
}

// additionalImage adds one of the additional images.
func (r *reader) additionalImage(v yamlguard.Value, at string, out []blocked) {
	var text, repository, tag string
	e := entry{line: r.open(v).Line}
	for _, p := range r.fields(v, at) {
		switch p.Key {
		case "name":
			text, e.line = r.text(p.Value, at+".name"), p.Line
		case "targetRepo":
			repository = r.text(p.Value, at+".targetRepo")
		case "targetTag":
			tag = r.text(p.Value, at+".targetTag")
		case "platforms":
			e.platforms = r.imagePlatforms(p.Value, at+".platforms")
		default:
			r.leftOut(p.Line, at+"."+p.Key, "oc-mirror's parameters do not have it")
		}
	}
	if i := slices.IndexFunc(out, func(b blocked) bool { return b.text == text || b.pattern != nil && b.pattern.MatchString(text) }); i >= 0 {
		r.leftOut(e.line, text, fmt.Sprintf("line %d blocks it, as %s", out[i].line, out[i].text))
		return
	}
	if err := r.imageSetNames(&e, strings.TrimPrefix(text, "docker://"), repository, tag); err != nil {
		r.leftOut(e.line, at, err.Error())
		return
	}
	r.add(e)
}

// imageSetNames gives an image its names at the source and at the destination.
func (r *reader) imageSetNames(e *entry, text, repository, tag string) error {
	source, err := parseName(text)
	if err != nil {
		return err
	}
	for _, p := range e.platforms {
		if err := platforms.Check(p); err != nil {
			return err
		}
	}
	if source.tag == "" && source.digest == "" {
		source.tag = "latest"
	}
	if repository == "" {
		repository = source.repository
	}
	if tag == "" {
		tag = source.tag
	}
	if tag == "" { // as oc-mirror names it
		tag = strings.Replace(source.digest, ":", "-", 1)
	}
	if !isTag(tag) {
		return fmt.Errorf("%q is not a tag", tag)
	}
	host, prefix, _ := strings.Cut(r.To, "/")
	e.source, e.to, e.target = source, host, path.Join(prefix, repository)+":"+tag
	return nil
}

// imagePlatforms gives platforms as os/architecture.
func (r *reader) imagePlatforms(v yamlguard.Value, at string) []string {
	var all []string
	for i, item := range r.items(v, at) {
		var system, architecture string
		for _, p := range r.fields(item, fmt.Sprintf("%s[%d]", at, i)) {
			switch p.Key {
			case "os":
				system = r.text(p.Value, at)
			case "architecture":
				architecture = r.text(p.Value, at)
			default:
				r.leftOut(p.Line, at+"."+p.Key, "oc-mirror's parameters do not have it")
			}
		}
		all = append(all, system+"/"+architecture)
	}
	return all
}
