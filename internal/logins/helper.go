package logins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// helperName is what a helper may be called: nothing that leads to another directory.
var helperName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// notFound is how helpers say that they have nothing.
const notFound = "credentials not found"

// identityUser stands in place of a user's name where the secret is to be exchanged.
const identityUser = "<token>"

// askHelper asks a credential helper for a host's credential.
func (k *Keyring) askHelper(ctx context.Context, name, host string) (Credential, error) {
	if !helperName.MatchString(name) {
		return Credential{}, fmt.Errorf("%q cannot be the name of a credential helper", name)
	}
	server := host
	if host == dockerHub {
		server = "https://index.docker.io/v1/"
	}
	out, err := k.Helper(ctx, name, server)
	if err != nil {
		if strings.Contains(strings.ToLower(err.Error()), notFound) {
			return Credential{}, nil
		}
		return Credential{}, fmt.Errorf("asking docker-credential-%s for %s: %w", name, host, err)
	}
	var said struct{ Username, Secret string }
	if err := json.Unmarshal(out, &said); err != nil {
		return Credential{}, fmt.Errorf("docker-credential-%s: its answer is not what credential helpers say", name)
	}
	if said.Username == identityUser {
		return Credential{Identity: said.Secret}, nil
	}
	return Credential{User: said.Username, Password: said.Secret}, nil
}

// runHelper runs a credential helper as docker does: the server stands on its
// standard input. What it says is an error's text only when it failed.
func runHelper(ctx context.Context, name, server string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	cmd.Stdin = strings.NewReader(server)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		said := strings.TrimSpace(string(bytes.TrimSpace(out)) + " " + string(bytes.TrimSpace(failed.Stderr)))
		return nil, fmt.Errorf("%w: %q", err, said[:min(len(said), maxSaid)])
	}
	return out, err
}

// maxSaid bounds what is told of a helper's complaint.
const maxSaid = 300
