// Package tagserver serves a registry of many repositories with many tags, which it lists
// by pages. Only the newest tags have images: to make all of them takes long, and the
// others are not meant to be asked for.
package tagserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// The sizes of the registry.
const (
	Repositories = 200
	Tags         = 500 // of each repository: v1.0 to v1.499
	Page         = 100 // how many tags an answer lists
	Images       = 10  // how many of the tags have images, the newest
)

// Serve runs the registry. It prints its address and stops when the input ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	tags := make([]string, Tags)
	for i := range tags {
		tags[i] = fmt.Sprintf("v1.%d", i)
	}
	var images []registryserver.Image
	for i := range Repositories {
		images = append(images, registryserver.Image{Repository: fmt.Sprintf("many/app%03d", i), Tags: tags[Tags-Images:]})
	}
	registry, err := registryserver.New(registryserver.Config{Images: images})
	if err != nil {
		return err
	}
	defer registry.Close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: byPages(tags, registry), ReadHeaderTimeout: time.Minute}
	defer server.Close()
	go func() { _ = server.Serve(ln) }()
	fmt.Fprintln(out, ln.Addr())
	_, err = io.Copy(io.Discard, in)
	return err
}

// byPages lists tags by pages, as registries with many tags do, and leaves the rest to the
// registry.
func byPages(tags []string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, isList := strings.CutSuffix(r.URL.Path, "/tags/list")
		if !isList {
			registry.ServeHTTP(w, r)
			return
		}
		from := slices.Index(tags, r.URL.Query().Get("last")) + 1
		page := tags[from:min(from+Page, len(tags))]
		if from+Page < len(tags) {
			w.Header().Set("Link", fmt.Sprintf("<%s?n=%d&last=%s>; rel=\"next\"", r.URL.Path, Page, page[Page-1]))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"name": strings.TrimPrefix(name, "/v2/"), "tags": page})
	})
}
