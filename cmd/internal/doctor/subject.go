package doctor

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// A server is a server of the plan, with what the plan wants of it.
type server struct {
	connections.Server
	reads  []string // images, files or names that the plan reads there, as far as known
	writes []string // repositories or names that it writes there
	fills  bool     // it writes there, also where no name is known
}

// title names the server for people.
func (s *server) title() string {
	name := s.Name
	switch {
	case s.Host != "" && name != "":
		name += " (" + s.Host + ")"
	case s.Host != "":
		name = s.Host
	}
	return string(s.Kind) + " " + name
}

// servers gives the servers that the plan asks, with what it wants of each. Images of lists
// that are there count, too: a list may be all that names a registry.
func (d *doctor) servers() []*server {
	var all []*server
	add := func(found connections.Server) *server {
		for _, s := range all {
			if s.Kind == found.Kind && s.Name == found.Name && strings.EqualFold(s.URL, found.URL) {
				return s
			}
		}
		s := &server{Server: found}
		all = append(all, s)
		return s
	}
	for _, found := range d.Conns.Servers(runner.AskedBy(d.Graph.Plan, d.Types)) {
		add(found)
	}
	at := func(host string) *server {
		found := d.Conns.ServerAt(runner.RegistryServer, host)
		return add(found)
	}
	for _, image := range d.sources() {
		if host, _, _, err := registry.Split(image); err == nil {
			s := at(host)
			s.reads = appendNew(s.reads, image)
		}
	}
	d.destinations(at, all)
	d.files(all)
	return all
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// sources gives the images that steps read and none writes, as HOST/NAME:TAG.
func (d *doctor) sources() []string {
	filled := map[runner.Where]bool{}
	for _, s := range d.paths {
		for _, place := range s.paths.Fills {
			filled[place.Where] = true
		}
	}
	var all []string
	for _, s := range d.paths {
		for _, place := range s.paths.Looks {
			if !inRegistry(place) || filled[place.Where] {
				continue
			}
			for _, name := range place.Names {
				if name != "" && !strings.Contains(name, "*") {
					all = append(all, place.Where.Name+"/"+name)
				}
			}
		}
		all = append(all, s.listedSources()...)
	}
	return all
}

// inRegistry reports whether a place is that of images in a registry.
func inRegistry(p runner.Place) bool {
	return p.Where.Kind == runner.RegistryServer && p.Where.Part == ""
}

// listedSources gives the images of the lists that a step reads, if only they name the
// registries that it asks.
func (s stepPaths) listedSources() []string {
	late := func(v runner.Server) bool {
		return v.Kind == runner.RegistryServer && v.Name == "" && len(v.Hosts) == 0
	}
	if !slices.ContainsFunc(s.paths.Asks, late) {
		return nil
	}
	var all []string
	for _, file := range s.paths.Reads {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			all = append(all, listed(file)...)
		}
	}
	return all
}

// listed gives the images of a list. One that is not there yet, that cannot be read or that
// is another file has none: another check is about the file.
func listed(file string) []string {
	images, err := tripleo.ReadImages(openFile, file)
	if err != nil {
		return nil
	}
	var names []string
	for _, im := range images {
		names = append(names, im.Name)
	}
	return names
}

// destinations notes what the plan writes to registries and clouds.
func (d *doctor) destinations(at func(host string) *server, all []*server) {
	for _, step := range d.paths {
		for _, place := range step.paths.Fills {
			var s *server
			if inRegistry(place) {
				s = at(place.Where.Name)
			} else if i := slices.IndexFunc(all, func(s *server) bool { return place.Where == runner.Where{Kind: s.Kind, Name: s.Name} }); i >= 0 {
				s = all[i]
			} else {
				continue
			}
			s.fills = true
			for _, name := range namesOf(place) {
				if s.Kind == runner.RegistryServer {
					name, _, _ = strings.Cut(name, "@")
					name, _, _ = strings.Cut(name, ":")
				}
				if name != "" && !strings.Contains(name, "*") {
					s.writes = appendNew(s.writes, name)
				}
			}
		}
	}
}

// namesOf gives the names of a place, with those that its lists name.
func namesOf(place runner.Place) []string {
	names := slices.Clone(place.Names)
	if place.NameOf == nil {
		return names
	}
	for _, list := range place.Lists {
		for _, image := range listed(list) {
			names = append(names, place.NameOf(image))
		}
	}
	return names
}

// files notes the files that the plan reads on web servers.
func (d *doctor) files(all []*server) {
	for _, a := range runner.AskedBy(d.Graph.Plan, d.Types) {
		if a.Named {
			continue
		}
		for i, url := range a.URLs {
			found := d.Conns.ServerAt(runner.WebServer, a.Hosts[i])
			for _, s := range all {
				if s.Kind == found.Kind && strings.EqualFold(s.URL, found.URL) {
					s.reads = appendNew(s.reads, url)
				}
			}
		}
	}
}

// embedded is all there is to say about a server that answers inside the process.
func embedded() []Finding {
	return []Finding{ok("reach", "answers inside bayplan; no connection is made and no port is used")}
}

// server looks at one server.
func (d *doctor) server(ctx context.Context, s *server) []Finding {
	switch {
	case s.Embedded:
		return embedded()
	case s.Kind == runner.CloudServer:
		return d.cloud(ctx, s)
	}
	if s.Kind == runner.WebServer {
		s.takeScheme()
	}
	missing := secrets(ctx, s)
	found, reached := d.reach(ctx, s)
	found = append(missing, found...)
	switch {
	case !reached || len(missing) > 0: // without its login, all else fails
		return found
	case s.Kind == runner.WebServer:
		return append(found, d.webServer(ctx, s)...)
	}
	return append(found, d.registry(ctx, s)...)
}

// secrets finds the secrets of a login that are not there.
func secrets(ctx context.Context, s *server) []Finding {
	var found []Finding
	for _, secret := range s.Secrets {
		if _, err := secret.Reveal(ctx); err != nil {
			found = append(found, failed(ctx, "secret", err, "the secrets of the plan say where it is read from"))
		}
	}
	return found
}

func openFile(path string) (io.ReadCloser, error) { return textfile.OpenRegular(path) }
