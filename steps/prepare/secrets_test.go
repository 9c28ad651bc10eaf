package prepare

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
)

func TestHideSecrets(t *testing.T) {
	text := `# a comment
parameter_defaults:
  ContainerImageRegistryLogin: true
  ContainerImageRegistryCredentials:
    registry.redhat.io:
      my_user: s3cr3t
    "192.0.2.1:8787": {other: s3cr3t}

    last.example: {more:
      s3cr3t}
  AdminPassword: s3cr3t
  AdminToken: |
    s3cr3t
      s3cr3t: x
  list:
  - password: s3cr3t
    name: shown
  'RedisPassword': 's3cr3t'
  DockerKeystoneImage: shown
ContainerImageRegistryCredentials: {a: {b: s3cr3t}}
`
	want := `# a comment
parameter_defaults:
  ContainerImageRegistryLogin: true
  ContainerImageRegistryCredentials:
    registry.redhat.io:
      my_user: ***
    "192.0.2.1:8787": ***

    last.example: ***
 ***
  AdminPassword: ***
  AdminToken: ***
 ***
 ***
  list:
  - password: ***
    name: shown
  'RedisPassword': ***
  DockerKeystoneImage: shown
ContainerImageRegistryCredentials: ***
`
	if diff := cmp.Diff(want, hideSecrets(text)); diff != "" {
		t.Errorf("masked (-want +got):\n%s", diff)
	}
	if got := hideSecrets("a: b\r\n"); got != "a: b\r\n" {
		t.Errorf("without secrets: %q", got)
	}
}

// A person has put passwords into the file that is written. Neither the diff nor an
// error shows them.
func TestPrepareShowsNoPassword(t *testing.T) {
	p := newPrepare(t)
	old := "parameter_defaults:\n  ContainerImageRegistryCredentials:\n    h:\n      u: s3cr3t\n"
	prepareWrite(t, string(p.EnvFile), old)
	item := prepareDiff(t, p, &runner.Disk{}).Change.Items[0]
	if want := strings.Replace(old, "s3cr3t", "***", 1); item.Old != want {
		t.Errorf("old = %q, want %q", item.Old, want)
	}
	_, err := p.again().Verify(t.Context(), &runner.Disk{})
	prepareWantError(t, err, string(p.EnvFile), "it is not as wanted, and it has passwords in it")
	if strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("error = %v", err)
	}
}
