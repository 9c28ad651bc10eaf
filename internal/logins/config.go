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
	Auths       map[string]entry  `json:"auths"`
	CredHelpers map[string]string `json:"credHelpers"`
	CredsStore  string            `json:"credsStore"`
}

// An entry is what a file holds for a host, or for repositories of it.
type entry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// maxConfig bounds what is read of a file.
const maxConfig = 4 << 20

// load reads the files that there are.
func (k *Keyring) load() error {
	if k.read {
		return nil
	}
	var all []config
	for _, file := range k.Files {
		c, err := readConfig(file)
		if errors.Is(err, fs.ErrNotExist) && !k.Strict {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading credentials: %w", err)
		}
		all = append(all, c)
	}
	k.configs, k.read = all, true
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

// find looks for the longest entry that a repository lies below, and then for
// one that is written as an address, as docker's oldest are.
func (c config) find(host, repository string) (Credential, error) {
	for key := strings.TrimSuffix(host+"/"+repository, "/"); ; {
		if e, ok := c.Auths[key]; ok && e != (entry{}) {
			return c.credential(key, e)
		}
		i := strings.LastIndex(key, "/")
		if i < 0 {
			break
		}
		key = key[:i]
	}
	for key, e := range c.Auths {
		if e != (entry{}) && hostOf(key) == host {
			return c.credential(key, e)
		}
	}
	return Credential{}, nil
}

// dockerHub is how references name it; the rest of the world has other names for it.
const dockerHub = "docker.io"

// hostOf gives the host of a key that is an address, "" for other keys.
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

func (c config) credential(key string, e entry) (Credential, error) {
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
		return Credential{}, fmt.Errorf("%s: auth of %q holds no colon", c.file, key)
	}
	// Docker once padded it with zeros.
	found.User, found.Password = user, strings.TrimRight(password, "\x00")
	if found.Identity != "" {
		found.User, found.Password = "", ""
	}
	return found, nil
}
