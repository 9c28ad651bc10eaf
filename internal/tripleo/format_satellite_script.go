package tripleo

import (
	"errors"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// satelliteScript is a script for Satellite's hammer. It makes a product with a
// repository for each image, which a content view can publish.
//
// The options are those of `hammer repository create` in
// https://docs.theforeman.org (Hammer CLI reference).
func satelliteScript() Format {
	return Format{
		Name: "satellite-script",
		Check: func(req Request) error {
			if req.Satellite == nil {
				return errors.New("the script needs the settings under satellite")
			}
			return nil
		},
		Write: writeScript,
	}
}

func writeScript(r Result) ([]byte, string, error) {
	s := r.Satellite
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	r.writeComment(&b)
	b.WriteString("set -eu\n\norganization=" + shellQuoted(s.Organization) + "\nproduct=" + shellQuoted(s.Product) + "\n\n")
	b.WriteString(`hammer product info --organization-label "$organization" --name "$product" >/dev/null 2>&1 ||
    hammer product create --organization-label "$organization" --name "$product"

repository() { # URL UPSTREAM-NAME NAME
    hammer repository info --organization-label "$organization" --product "$product" --name "$3" >/dev/null 2>&1 ||
        hammer repository create --organization-label "$organization" --product "$product" \
            --content-type docker --url "$1" --docker-upstream-name "$2" --name "$3"
}

`)
	seen := map[string]bool{}
	for _, image := range r.Images {
		if seen[image.Name] {
			continue
		}
		seen[image.Name] = true
		host, path, _ := strings.Cut(image.Name, "/")
		b.WriteString("repository " + shellQuoted("https://"+host) + " " + shellQuoted(path) + " " + shellQuoted(repositoryName(image)) + "\n")
	}
	b.WriteString("\nhammer product synchronize --organization-label \"$organization\" --name \"$product\"\n")
	return []byte(b.String()), human.Count(len(seen), "repository", "repositories") + " for Satellite", nil
}

// shellQuoted returns a text quoted for a shell.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
