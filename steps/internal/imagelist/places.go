package imagelist

import (
	"cmp"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
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
