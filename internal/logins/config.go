package logins

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/textfile"
)

// A config is one file of credentials.
type config struct {
	file        string
	Auths       map[string]authEntry `json:"auths"`
	CredHelpers map[string]string    `json:"credHelpers"`
	CredsStore  string               `json:"credsStore"`
}

// An authEntry is the entry of a file for a host, or for repositories of it.
type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// maxConfig is the largest size of a file.
const maxConfig = 4 << 20

// load reads the existing files.
func (f *Finder) load() error {
	if f.loaded {
		return nil
	}
	var all []config
	f.absent = nil
	for _, file := range f.Files {
		c, err := f.readConfig(file)
		if errors.Is(err, fs.ErrNotExist) && !f.Strict {
			f.absent = append(f.absent, file)
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.WithHint(err, "the environment variable REGISTRY_AUTH_FILE names it")
		}
		if err != nil {
			return fmt.Errorf("reading credentials: %w", err)
		}
		all = append(all, c)
	}
	f.configs, f.loaded = all, true
	return nil
}

func (f *Finder) readConfig(file string) (config, error) {
	b, err := textfile.Read(context.Background(), file, maxConfig)
	if err != nil {
		return config{}, err
	}
	f.Secrets.AddSettings(string(b)) // an error of the JSON may quote a value
	c := config{file: file}
	if err := json.Unmarshal(b, &c); err != nil {
		return config{}, fault.JSON(file, b, err)
	}
	return c, nil
}

// lookup finds the entry for the longest part of a repository's name.
func (c config) lookup(at hostname.Registry, repository string) (Credential, error) {
	key := longest(c.Auths, at, repository)
	if key == "" {
		return Credential{}, nil
	}
	return c.credential(key, c.Auths[key])
}

// longest gives the key of the entry for a registry that names the longest part of a
// repository's name, "" for none. Of several it takes the one that names the host as
// the registry is called, since the others may be older.
func longest[T comparable](entries map[string]T, at hostname.Registry, repository string) string {
	var none T
	best, rank := "", -1
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		host, path := splitKey(key)
		if entries[key] == none || !at.Is(host) || path != "" && !strings.HasPrefix(repository+"/", path+"/") {
			continue
		}
		n := 2 * len(path)
		if strings.HasPrefix(key, at.Host) || strings.HasPrefix(key, at.Name()) {
			n++
		}
		if n > rank {
			best, rank = key, n
		}
	}
	return best
}

// splitKey splits a key of a file into the host and the path below it. Old versions of
// docker wrote URLs, whose path says nothing.
func splitKey(key string) (host, path string) {
	address := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, path, _ = strings.Cut(address, "/")
	if path = strings.TrimSuffix(path, "/"); address != key || path == "v1" || path == "v2" {
		path = ""
	}
	return host, path
}

func (c config) credential(key string, e authEntry) (Credential, error) {
	found := Credential{User: e.Username, Password: e.Password, Identity: e.IdentityToken, Bearer: e.RegistryToken}
	if e.Auth == "" {
		return found, nil
	}
	b, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return Credential{}, fmt.Errorf("%s: auth of %q is not base64", c.file, key)
	}
	user, password, ok := strings.Cut(string(b), ":")
	if !ok {
		return Credential{}, fmt.Errorf("%s: auth of %q has no colon", c.file, key)
	}
	// Old versions of docker padded the password with zeros.
	found.User, found.Password = user, strings.TrimRight(password, "\x00")
	if found.Identity != "" {
		found.User, found.Password = "", ""
	}
	return found, nil
}
