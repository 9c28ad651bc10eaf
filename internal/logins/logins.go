// Package logins finds the credentials for container registries that docker
// login and podman login have left on this machine: in auth.json, in docker's
// config.json and with credential helpers. It knows nothing of registries and
// of plans, and writes nothing.
package logins

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// A Credential is what was found; the zero value is nothing.
type Credential struct {
	User, Password string
	Identity       string // to be exchanged for tokens
	Bearer         string // a token itself
}

// A Keyring looks for credentials. Its files are read once, at first use.
type Keyring struct {
	Files  []string // in the order in which they are looked into
	Strict bool     // the files must be there
	// Helper asks the credential helper of a name for those of a server.
	Helper func(ctx context.Context, name, server string) ([]byte, error)

	// Look-ups for many images run beside each other; the first reads the
	// files, and a helper is asked once: it may ask a person.
	mu      sync.Mutex
	read    bool
	configs []config
	asked   map[helperKey]Credential
}

type helperKey struct{ helper, host string }

// FromEnvironment gives the keyring that podman and docker would use. With
// REGISTRY_AUTH_FILE only that file counts; else auth.json of the containers
// tools comes first and docker's config.json last.
func FromEnvironment() *Keyring {
	k := &Keyring{Helper: runHelper}
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		k.Files, k.Strict = []string{file}, true
		return k
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		k.Files = append(k.Files, filepath.Join(dir, "containers", "auth.json"))
	} else {
		k.Files = append(k.Files, fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid()))
	}
	k.addHome("XDG_CONFIG_HOME", ".config", "containers", "auth.json")
	k.addHome("DOCKER_CONFIG", ".docker", "config.json")
	return k
}

// addHome adds a file below the directory that a variable names, or else one
// below the home directory.
func (k *Keyring) addHome(variable, otherwise string, below ...string) {
	dir := os.Getenv(variable)
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return
		}
		dir = filepath.Join(home, otherwise)
	}
	k.Files = append(k.Files, filepath.Join(append([]string{dir}, below...)...))
}

// Find gives the credential for a repository of a host: of the entries for
// host/a/b, host/a and host, the first that there is. None is no error.
func (k *Keyring) Find(ctx context.Context, host, repository string) (Credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(); err != nil {
		return Credential{}, err
	}
	for _, c := range k.configs {
		found, err := k.look(ctx, c, host, repository)
		if err != nil || found != (Credential{}) {
			return found, err
		}
	}
	return Credential{}, nil
}

// look looks into one file: a helper for the host itself comes before what is
// written there, the helper for all hosts after it.
func (k *Keyring) look(ctx context.Context, c config, host, repository string) (Credential, error) {
	if name := c.CredHelpers[host]; name != "" {
		return k.ask(ctx, name, host)
	}
	if found, err := c.find(host, repository); err != nil || found != (Credential{}) {
		return found, err
	}
	if c.CredsStore != "" {
		return k.ask(ctx, c.CredsStore, host)
	}
	return Credential{}, nil
}

func (k *Keyring) ask(ctx context.Context, name, host string) (Credential, error) {
	key := helperKey{name, host}
	if found, known := k.asked[key]; known {
		return found, nil
	}
	found, err := k.askHelper(ctx, name, host)
	if err != nil {
		return Credential{}, err
	}
	if k.asked == nil {
		k.asked = map[helperKey]Credential{}
	}
	k.asked[key] = found
	return found, nil
}
