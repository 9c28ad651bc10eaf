// Package logins finds the credentials for container registries that docker login
// and podman login have stored on this machine: in auth.json, in docker's
// config.json and in credential helpers. It does not know registries or plans, and
// it writes nothing.
package logins

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/redact"
)

// A Credential is a found login. The zero value means none.
type Credential struct {
	User, Password string
	Identity       string // an identity token, to exchange for access tokens
	Bearer         string // an access token
}

// A Finder looks up credentials. It reads its files once, at first use.
type Finder struct {
	Files  []string // in the order of the search
	Strict bool     // the files must exist
	// Secrets learns the credentials that are found. It may be nil.
	Secrets *redact.Redactor
	// Helper asks the credential helper with this name for a server's
	// credential.
	Helper func(ctx context.Context, name, server string) ([]byte, error)

	// Look-ups for many images run concurrently. The first one reads the files.
	// A helper is asked only once for a host, since it may ask the user.
	mu      sync.Mutex
	loaded  bool
	configs []config
	absent  []string // files that do not exist
	asked   map[helperKey]Credential
}

type helperKey struct{ helper, server string }

// FromEnvironment returns a Finder with the files of podman and docker. With
// REGISTRY_AUTH_FILE it uses only that file. Otherwise podman's auth.json comes
// first and docker's config.json last. Helpers do not get the environment variables that
// hold other secrets, which are named by secrets or known from OpenStack.
func FromEnvironment(secrets ...string) *Finder {
	f := &Finder{Helper: func(ctx context.Context, name, server string) ([]byte, error) {
		return runHelper(ctx, name, server, withoutSecrets(os.Environ(), secrets))
	}}
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		f.Files, f.Strict = []string{file}, true
		return f
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		f.Files = append(f.Files, filepath.Join(dir, "containers", "auth.json"))
	} else {
		f.Files = append(f.Files, fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid()))
	}
	f.addHome("XDG_CONFIG_HOME", ".config", "containers", "auth.json")
	f.addHome("DOCKER_CONFIG", ".docker", "config.json")
	return f
}

// addHome adds a file below the directory that a variable names, or, if it is not
// set, below otherwise in the home directory.
func (f *Finder) addHome(variable, otherwise string, below ...string) {
	dir := os.Getenv(variable)
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return
		}
		dir = filepath.Join(home, otherwise)
	}
	f.Files = append(f.Files, filepath.Join(append([]string{dir}, below...)...))
}

// Find returns the credential for a repository of a registry: the first of the entries
// for host/a/b, host/a and host. Without a repository, if only repositories of the
// registry have logins, it returns the first of those: any of them shows whether the
// registry accepts logins. If there is none, it returns the zero Credential and no error.
func (f *Finder) Find(ctx context.Context, at hostname.Registry, repository string) (Credential, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return Credential{}, err
	}
	for _, c := range f.configs {
		found, err := f.findIn(ctx, c, at, repository)
		if err != nil || found != (Credential{}) {
			f.learn(found)
			return found, err
		}
	}
	if repository != "" {
		return Credential{}, nil
	}
	found, err := f.anyOf(at)
	f.learn(found)
	return found, err
}

// anyOf returns the first login for a repository of a registry.
func (f *Finder) anyOf(at hostname.Registry) (Credential, error) {
	for _, c := range f.configs {
		for _, key := range slices.Sorted(maps.Keys(c.Auths)) {
			if host, path := splitKey(key); path != "" && at.Is(host) && c.Auths[key] != (authEntry{}) {
				return c.credential(key, c.Auths[key])
			}
		}
	}
	return Credential{}, nil
}

func (f *Finder) learn(c Credential) {
	f.Secrets.AddLogin(c.User, c.Password)
	f.Secrets.Add(c.Identity)
	f.Secrets.Add(c.Bearer)
}

// findIn searches one file. A helper for this registry comes before the entries of the
// file, the helper for all registries after them.
func (f *Finder) findIn(ctx context.Context, c config, at hostname.Registry, repository string) (Credential, error) {
	if key := longest(c.CredHelpers, at, repository); key != "" {
		return f.askOnce(ctx, c.file, c.CredHelpers[key], serverNames(at, key))
	}
	if found, err := c.lookup(at, repository); err != nil || found != (Credential{}) {
		return found, err
	}
	if c.CredsStore != "" {
		return f.askOnce(ctx, c.file, c.CredsStore, serverNames(at, ""))
	}
	return Credential{}, nil
}

// askOnce asks a helper, which a file names, for the first credential that it has under one of the names of
// a server.
func (f *Finder) askOnce(ctx context.Context, file, name string, servers []string) (Credential, error) {
	key := helperKey{name, servers[0]}
	if found, known := f.asked[key]; known {
		return found, nil
	}
	var found Credential
	for _, server := range servers {
		var err error
		if found, err = f.askHelper(ctx, file, name, server); err != nil {
			return Credential{}, err
		}
		if found != (Credential{}) {
			break
		}
	}
	if f.asked == nil {
		f.asked = map[helperKey]Credential{}
	}
	f.asked[key] = found
	return found, nil
}
