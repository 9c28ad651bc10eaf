package imagelist

import (
	"cmp"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// Place gives the place of images in the registry of a host, for runner.Paths.
func Place(host string, names ...string) runner.Place {
	return runner.Place{Where: where(host), Names: names}
}

// UnlistedPlace gives the place of what a registry has besides the images of a list.
func UnlistedPlace(host string) runner.Place {
	place := where(host)
	place.Part = "unlisted images"
	return runner.Place{Where: place}
}

func where(host string) runner.Where {
	return runner.Where{Kind: runner.RegistryServer, Name: strings.ToLower(host)}
}

// Place gives the place of the images in the registry of a host, under the names that
// they have there. rename changes these and may be nil.
func (l List) Place(host, field string, rename func(string) string) runner.Place {
	place := Place(host, namesIn(l.references(), rename)...)
	place.Contents, place.Alike = contentsOf(l.references()), ofOtherRepositories
	place.Lists, place.Field = setting.Paths(l.Files()), field
	place.NameOf = func(image string) string { return namesIn([]string{image}, rename)[0] }
	for i := range l.Other {
		place.ListFields = append(place.ListFields, item(field, i)+".file")
	}
	return place
}

// contentsOf gives the images that references name, in one spelling of each. A digest beside a tag
// says nothing here: the tag may stand for it.
func contentsOf(sources []string) []string {
	contents := make([]string, len(sources))
	for i, source := range sources {
		if host, repository, tag, err := registry.Split(source); err == nil && host != "" && tag != "" {
			contents[i] = hostname.Registry{Host: host}.Name() + "/" + repository + ":" + tag
		}
	}
	return contents
}

// ofOtherRepositories reports whether two of these contents are images of different repositories, which
// may be mirrors of each other. Their digests tell.
func ofOtherRepositories(a, b string) bool { return repositoryOf(a) != repositoryOf(b) }

func repositoryOf(image string) string { return image[:max(0, strings.LastIndexByte(image, ':'))] }

// namesIn gives the names in a registry of images that come there from these sources.
// A name that is not known yet is "", as are the names of a whole layout.
func namesIn(sources []string, rename func(string) string) []string {
	names := make([]string, len(sources))
	for i, source := range sources {
		path, err := PathOf(source)
		if _, _, noSelection := tagselect.Split(source); noSelection == nil {
			_, repository, _ := strings.Cut(source, "/")
			path, err = startOf(repository), nil
		}
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

// SourcePlaces gives the places of the images that the list in the plan names.
func (l List) SourcePlaces() []runner.Place { return SourcePlaces(l.references()) }

// SourcePlaces gives the places of the images that references name, one for each host.
func SourcePlaces(sources []string) []runner.Place {
	var places []runner.Place
	at := map[runner.Where]int{}
	for _, source := range sources {
		host, repository, tag, err := registry.Split(source)
		name := repository + ":" + cmp.Or(tag, "*")
		if h, pattern, noSelection := tagselect.Split(source); noSelection == nil {
			host, name, err = h, startOf(pattern), nil
		}
		if err != nil {
			continue // it is in a layout, or not known yet
		}
		i, seen := at[where(host)]
		if !seen {
			i = len(places)
			at[where(host)] = i
			places = append(places, Place(host))
		}
		places[i].Names = append(places[i].Names, name)
	}
	return places
}

// startOf gives the beginning, with a star, of the names of what a repository has, or all
// repositories that a pattern matches.
func startOf(repository string) string {
	if start, _, many := strings.Cut(repository, "*"); many {
		return start + "*"
	}
	return repository + ":*"
}

// Servers gives the registries of the images. Those of a list in a file are known only in
// a run. An image in a layout, and one that skip reports, has none. skip may be nil.
func (l List) Servers(field string, skip func(name string) bool) []runner.Server {
	if l.Text != "" || l.Other == nil {
		return []runner.Server{{Kind: runner.RegistryServer, Field: field}}
	}
	var all []runner.Server
	for i, it := range l.Other {
		server := runner.Server{Kind: runner.RegistryServer, Field: item(field, i)}
		if text, ok := reference(it); ok {
			if _, _, layout := registry.CutLayout(text); layout || skip != nil && skip(text) {
				continue
			}
			if host, _, _, err := registry.Split(text); err == nil {
				server.Hosts = []string{host}
			}
		} else if host, _, err := tagselect.Split(it.Other.From); err == nil {
			server.Hosts = []string{host}
		}
		all = append(all, server)
	}
	return all
}

// HasDigest reports whether a reference has a digest.
func HasDigest(name string) bool { return strings.Contains(name, "@") }

// Connection gives the registry that a field names: a connection, or a host. A name that is
// not known yet is "".
func Connection(field, name string) runner.Server {
	if hostname.IsHost(name) {
		return runner.Server{Kind: runner.RegistryServer, Hosts: []string{name}, Field: field}
	}
	return runner.Server{Kind: runner.RegistryServer, Name: name, Field: field}
}
