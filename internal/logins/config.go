package logins

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
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
	for _, file := range f.Files {
		c, err := readConfig(file)
		if errors.Is(err, fs.ErrNotExist) && !f.Strict {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading credentials: %w", err)
		}
		all = append(all, c)
	}
	f.configs, f.loaded = all, true
	return nil
}

func readConfig(file string) (config, error) {
	f, err := os.Open(file)
	if err != nil {
		return config{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return config{}, err
	}
	if len(b) > maxConfig {
		return config{}, fmt.Errorf("%s is larger than %d bytes", file, maxConfig)
	}
	c := config{file: file}
	if err := json.Unmarshal(b, &c); err != nil {
		return config{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// lookup finds the longest entry that is a prefix of the repository. If there is
// none, it tries entries with a URL as their key, as old versions of docker wrote.
func (c config) lookup(host, repository string) (Credential, error) {
	for key := strings.TrimSuffix(host+"/"+repository, "/"); ; {
		if e, ok := c.Auths[key]; ok && e != (authEntry{}) {
			return c.credential(key, e)
		}
		i := strings.LastIndex(key, "/")
		if i < 0 {
			break
		}
		key = key[:i]
	}
	for key, e := range c.Auths {
		if e != (authEntry{}) && hostOf(key) == host {
			return c.credential(key, e)
		}
	}
	return Credential{}, nil
}

// dockerHub is Docker Hub's host in references. Its keys and its API have other
// names.
const dockerHub = "docker.io"

// hostOf returns the host of a key that is a URL, "" for other keys.
func hostOf(key string) string {
	address := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, _, _ := strings.Cut(address, "/")
	switch {
	case host == "index.docker.io" || host == "registry-1.docker.io":
		return dockerHub
	case address == key:
		return ""
	}
	return host
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
