package logins

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/human"
)

// Describe says in words where the credential for a repository of a registry comes
// from, or where it was looked for in vain. It asks no helper that Find has asked.
func (f *Finder) Describe(ctx context.Context, at hostname.Registry, repository string) (text string, found bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return err.Error(), false
	}
	for _, c := range f.configs {
		if cred, err := f.findIn(ctx, c, at, repository); err != nil || cred != (Credential{}) {
			return c.source(at, repository), true
		}
	}
	var parts []string
	for _, c := range f.configs {
		parts = append(parts, c.describe(at, repository))
	}
	for _, file := range f.absent {
		parts = append(parts, file+" does not exist")
	}
	return strings.Join(parts, "; "), false
}

// source says which part of a file gives the credential for a repository.
func (c config) source(at hostname.Registry, repository string) string {
	if name := c.CredHelpers[longest(c.CredHelpers, at, repository)]; name != "" {
		return fmt.Sprintf("docker-credential-%s, which %s names", name, c.file)
	}
	if key := longest(c.Auths, at, repository); key != "" {
		return fmt.Sprintf("the entry %q of %s", key, c.file)
	}
	return fmt.Sprintf("docker-credential-%s, which %s names", c.CredsStore, c.file)
}

// maxDescribed is the number of logins of a file that are named.
const maxDescribed = 5

// describe says what a file has in place of a credential for a repository.
func (c config) describe(at hostname.Registry, repository string) string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(c.Auths)) {
		if c.Auths[key] == (authEntry{}) {
			continue // a helper keeps it
		}
		if host, path := splitKey(key); path != "" {
			key = host + "/" + path
		} else {
			key = host
		}
		keys = append(keys, key)
	}
	keys = slices.Compact(keys)
	has := c.file + " has no login in it"
	if len(keys) > 0 {
		has = fmt.Sprintf("%s has logins for %s", c.file, human.Some(keys, maxDescribed))
	}
	helper := c.CredHelpers[longest(c.CredHelpers, at, repository)]
	if helper == "" {
		helper = c.CredsStore
	}
	if helper != "" {
		has += fmt.Sprintf(", and docker-credential-%s has none for %s", helper, serverNames(at, "")[0])
	}
	return has
}
