package logins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/readers"
)

// helperName matches valid names of helpers, which cannot lead to another
// directory.
var helperName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// notFoundText is in the message of a helper that has no credential.
const notFoundText = "credentials not found"

// identityUser is the user name of a credential whose secret is an identity token.
const identityUser = "<token>"

// dockerHubKey is what docker calls Docker Hub in its files and to its helpers.
const dockerHubKey = "https://index.docker.io/v1/"

// serverNames gives the names under which a helper may keep the login for a registry:
// those that docker and podman use, and the key under which the helper is registered.
func serverNames(at hostname.Registry, key string) []string {
	names := []string{at.Host, at.Name(), key}
	if at.Name() == hostname.DockerHub {
		names = []string{dockerHubKey, hostname.DockerHub, key}
	}
	var all []string
	for _, name := range names {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// askHelper asks a credential helper, which a file names, for the credential of a server.
func (f *Finder) askHelper(ctx context.Context, file, name, server string) (Credential, error) {
	if !helperName.MatchString(name) {
		return Credential{}, fmt.Errorf("%q cannot be the name of a credential helper", name)
	}
	out, err := f.Helper(ctx, name, server)
	if err != nil && strings.Contains(strings.ToLower(err.Error()), notFoundText) {
		return Credential{}, nil
	}
	if err != nil {
		hint := fmt.Sprintf("to see why, run it by hand: echo %s | docker-credential-%s get", server, name)
		if errors.Is(err, exec.ErrNotFound) {
			err = errors.New("there is no such command in PATH")
			hint = fmt.Sprintf("install it, or log in again without it: %s names it", file)
		}
		return Credential{}, fault.WithHint(fmt.Errorf("asking docker-credential-%s for %s: %w", name, server, err), hint)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return Credential{}, fmt.Errorf("docker-credential-%s: its answer is not that of a credential helper", name)
	}
	if answer.Username == identityUser {
		return Credential{Identity: answer.Secret}, nil
	}
	return Credential{User: answer.Username, Password: answer.Secret}, nil
}

// runHelper runs a credential helper as docker does, with the server on its
// standard input. Its output is in no error: also a helper that fails may have
// written secrets.
func runHelper(ctx context.Context, name, server string, environment []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	cmd.Stdin = strings.NewReader(server)
	cmd.Env = environment
	out, errs := readers.Beginning{Max: maxHelper}, readers.Beginning{Max: maxHelper}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && (saysNotFound(out.Bytes()) || saysNotFound(errs.Bytes())):
		return nil, errors.New(notFoundText)
	case err == nil && out.IsCut():
		return nil, fmt.Errorf("it gives more than %d KiB", maxHelper>>10)
	}
	return out.Bytes(), err
}

// maxHelper is how many bytes of a helper's output are kept.
const maxHelper = 1 << 20

func saysNotFound(output []byte) bool {
	return bytes.Contains(bytes.ToLower(output), []byte(notFoundText))
}

// cloudSecrets are the variables in which OpenStack's clients keep secrets. No helper for
// registries needs them.
var cloudSecrets = [...]string{
	"OS_PASSWORD", "OS_TOKEN", "OS_AUTH_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET", "OS_CLIENT_SECRET", "OS_ACCESS_TOKEN", "OS_PASSCODE",
}

// variablePrefix begins the names of the variables that give a plan its values, some of which
// may be secret.
const variablePrefix = "BAYPLAN_VAR_"

// withoutSecrets leaves out the variables of secrets.
func withoutSecrets(environment, secrets []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(secrets, name) || slices.Contains(cloudSecrets[:], name) || strings.HasPrefix(name, variablePrefix)
	})
}
