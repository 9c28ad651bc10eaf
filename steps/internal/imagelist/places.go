package imagelist

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Place gives the place of images in the registry of a host, for runner.Paths.
func Place(host string, names ...string) runner.Place {
	return runner.Place{Where: where(host), Names: names}
}

// UnlistedPlace gives the place of what a registry has besides the images of a list.
func UnlistedPlace(host string) runner.Place {
	return runner.Place{Where: "unlisted images of " + where(host)}
}

func where(host string) string { return "registry " + strings.ToLower(host) }

// NamesIn gives the names in a registry of images that come there from these sources.
// A name that is not known yet is "", as are the names of a whole layout. rename may be
// nil.
func NamesIn(sources []string, rename func(string) string) []string {
	names := make([]string, len(sources))
	for i, source := range sources {
		path, err := PathOf(source)
		switch {
		case err != nil:
		case rename != nil:
			names[i] = rename(path)
		default:
			names[i] = path
		}
	}
	return names
}

// SourcePlaces gives the places of the images that references name, one for each host.
func SourcePlaces(sources []string) []runner.Place {
	var places []runner.Place
	at := map[string]int{}
	for _, source := range sources {
		host, repository, tag, err := registry.Split(source)
		if err != nil {
			continue // it is in a layout, or not known yet
		}
		i, seen := at[where(host)]
		if !seen {
			i = len(places)
			at[where(host)] = i
			places = append(places, Place(host))
		}
		places[i].Names = append(places[i].Names, repository+":"+cmp.Or(tag, "*"))
	}
	return places
}

// Servers gives the registries of the images in a field. Those of a list in a file are
// known only in a run. An image in a layout, and one that skip reports, has none. skip may be
// nil.
func Servers(field string, images plan.TextOr[plan.Path, []string], skip func(name string) bool) []runner.Server {
	if images.Text != "" || images.Other == nil {
		return []runner.Server{{Kind: runner.RegistryServer, Field: field}}
	}
	var all []runner.Server
	for i, name := range images.Other {
		if _, _, layout := registry.CutLayout(name); layout || skip != nil && skip(name) {
			continue
		}
		server := runner.Server{Kind: runner.RegistryServer, Field: fmt.Sprintf("%s[%d]", field, i)}
		if host, _, _, err := registry.Split(name); err == nil {
			server.Hosts = []string{host}
		}
		all = append(all, server)
	}
	return all
}

// HasDigest reports whether a reference has a digest.
func HasDigest(name string) bool { return strings.Contains(name, "@") }

// Connection gives the registry of a connection that a field names. A name that is not
// known yet is "".
func Connection(field, name string) runner.Server {
	return runner.Server{Kind: runner.RegistryServer, Name: name, Field: field}
}
