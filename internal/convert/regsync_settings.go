package convert

import (
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// regsyncNotes say why settings of regsync, of an entry or of the defaults, are left out.
var regsyncNotes = map[string]string{
	"schedule":        "bayplan runs once; let a timer start it",
	"interval":        "bayplan runs once; let a timer start it",
	"hooks":           "a plan runs no commands",
	"mediaTypes":      "bayplan copies manifests of all types of images",
	"fastCheck":       "bayplan compares digests, and looks for signatures where they are copied",
	"forceRecursive":  "bayplan verify looks for every part of the images",
	"includeExternal": "bayplan never fetches layers from addresses that an image names",
	"referrerFilters": "bayplan copies all that is attached to an image, or nothing",
	"referrerSource":  "bayplan finds signatures beside the images",
	"referrerTarget":  "bayplan puts signatures beside the images",
	"referrerSlow":    "it goes with referrerFilters",
	"parallel":        "bayplan finds out how much a registry takes at a time",
	"blobLimit":       "bayplan has its own limits",
	"cacheCount":      "bayplan asks for nothing twice",
	"cacheTime":       "bayplan asks for nothing twice",
	"userAgent":       "bayplan says its own name",
}

// syncSetting notes a setting that has no counterpart.
func (r *reader) syncSetting(p yamlguard.Pair, at string) {
	if o := r.open(p.Value); o.IsNull() || o.Text == "false" {
		return
	}
	why, known := regsyncNotes[p.Key]
	if !known {
		why = "regsync does not know it"
	}
	r.leftOut(p.Line, at, why)
}

var (
	refTag    = lazyregexp.New(`\{\{-?\s*\.Ref\.Tag\s*-?\}\}`)
	backupTag = lazyregexp.New(`^([A-Za-z0-9_][A-Za-z0-9_.-]*\{tag\}[A-Za-z0-9_.-]*|\{tag\}[A-Za-z0-9_.-]+)$`)
)

// backup gives the template of replaced for the template of a backup's tag.
func (r *reader) backup(p yamlguard.Pair, at string) string {
	text := strings.TrimSpace(refTag.ReplaceAllString(r.text(p.Value, at), "{tag}"))
	if text == "" || backupTag.MatchString(text) {
		return text
	}
	r.leftOut(p.Line, at, "replaced of mirror keeps what a tag stood for in the same repository, by a template with {{.Ref.Tag}} and nothing else")
	return ""
}

func (r *reader) rateLimit(v yamlguard.Value, at string) float64 {
	least := 0.0
	for _, p := range r.fields(v, at) {
		if p.Key == "min" {
			least = r.number(p.Value, at+".min")
			r.differ(p.Line, "ratelimit", "%s becomes keep_pulls of the source's connection: the step fails where regsync waits.", at)
			continue
		}
		r.leftOut(p.Line, at+"."+p.Key, "bayplan does not wait for pulls to be allowed again, it says when to come back")
	}
	return least
}
