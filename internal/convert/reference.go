package convert

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
)

// A name is the name of an image or of a repository.
type name struct {
	host, repository, tag, digest string
}

// parseName reads a name as docker does: one without a host is on Docker Hub.
func parseName(text string) (name, error) {
	if strings.Contains(text, "://") {
		return name{}, fmt.Errorf("%q is in no registry", text)
	}
	if first, _, ok := strings.Cut(text, "/"); !ok || !strings.ContainsAny(first, ".:") && first != "localhost" {
		text = "docker.io/" + text
	}
	host, repository, tag, err := registry.Split(text)
	if err != nil {
		return name{}, err
	}
	_, digest, _ := strings.Cut(text, "@")
	return name{host, repository, tag, digest}, nil
}

// isTag reports whether a text can be a tag.
func isTag(text string) bool {
	_, _, got, err := registry.Split("a.example/b:" + text)
	return err == nil && got == text && text != ""
}

// splitTarget checks what an image is called at its destination: the host, and the
// repository with its tag.
func splitTarget(host, path string) (repository, tag string, err error) {
	got, repository, tag, err := registry.Split(host + "/" + path)
	if err == nil && got == "" {
		err = fmt.Errorf("%q is not a host", host)
	}
	return repository, tag, err
}

// inRepository gives the image's name without its host.
func (n name) inRepository() string {
	switch {
	case n.tag != "":
		return n.repository + ":" + n.tag
	case n.digest != "":
		return n.repository + "@" + n.digest
	}
	return n.repository
}

// String gives the whole name.
func (n name) String() string {
	s := n.host + "/" + n.repository
	if n.tag != "" {
		s += ":" + n.tag
	}
	if n.digest != "" {
		s += "@" + n.digest
	}
	return s
}
