// Package artifacts makes what stands in for artifacts and layouts in a rehearsal. It does not
// know what plans expect of them.
package artifacts

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/filelayout"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/runner"
)

// Scheme begins the address of an artifact in a registry.
const Scheme = "oci://"

// Is reports whether an address is that of an artifact: oci://HOST/NAME:TAG or
// oci:LAYOUT:NAME:TAG.
func Is(address string) bool {
	_, _, inLayout := registry.CutLayout(address)
	return inLayout || strings.HasPrefix(address, Scheme)
}

// Key gives the one spelling of the address of a file of an artifact, ADDRESS#TITLE: without
// the digest of the artifact, which is another one for what stands in for it.
func Key(address string) string {
	name, title, _ := strings.Cut(address, "#")
	name, _, _ = strings.Cut(name, "@")
	if !strings.Contains(path.Base(name), ":") {
		name += ":" + runner.StandInTag
	}
	if rest, ok := strings.CutPrefix(name, Scheme); ok {
		host, path, _ := strings.Cut(rest, "/")
		name = Scheme + registries.Canonical(host) + "/" + path
	}
	return name + "#" + title
}

// A File is a file of an artifact.
type File struct {
	Title   string
	Content []byte
}

// Add adds an artifact, NAME:TAG, to a registry.
func Add(to *upstream.Upstream, name string, files []File) error {
	a := registryserver.Artifact{}
	a.Repository, a.Tag, _ = strings.Cut(name, ":")
	for _, f := range files {
		a.Layers = append(a.Layers, registryserver.ArtifactLayer{
			MediaType: "application/octet-stream", Data: f.Content, Annotations: map[string]string{filelayout.TitleKey: f.Title},
		})
	}
	_, err := to.AddArtifact(a)
	return err
}

// A Like says what a layout is to be like.
type Like struct {
	Names      []string // of its images: NAME:TAG, or a tag alone; none: two of any name
	Signatures registry.Signatures
	Key        *minisign.SecretKey // that signs the layout; nil: it is not signed
}

// Layout makes a layout with images of a registry.
func Layout(ctx context.Context, layout string, from *upstream.Upstream, like Like) error {
	if err := os.MkdirAll(filepath.Dir(layout), 0o755); err != nil {
		return err
	}
	const host = "stand-in.invalid"
	c, err := registry.New([]registry.Host{{Name: host, Handler: from}})
	if err != nil {
		return err
	}
	defer c.Close()
	names := like.Names
	if len(names) == 0 {
		names = []string{"stand-in/one:1.0", "stand-in/two:1.0"}
	}
	images := make([]registry.Image, len(names))
	for i, name := range names {
		name, _, _ = strings.Cut(name, "@")
		if !strings.Contains(name, ":") { // a tag alone
			name = "stand-in/" + name + ":" + name
		}
		images[i] = registry.Image{Source: host + "/" + name, Target: registry.LayoutPrefix + layout + ":" + name}
	}
	table, err := c.Plan(ctx, images, registry.Selection{Signatures: like.Signatures})
	if err != nil {
		return err
	}
	if err := table.Err(); err != nil {
		return err
	}
	if like.Key == nil {
		return c.Execute(ctx, table, registry.Options{})
	}
	if err := c.Layout(layout).SetForm(ocilayout.Form{Key: like.Key}); err != nil {
		return err
	}
	if err := c.Execute(ctx, table, registry.Options{}); err != nil {
		return err
	}
	return c.Layout(layout).Seal(ctx)
}
