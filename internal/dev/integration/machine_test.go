//go:build integration

package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// A machine is the root file system of a host that has some of Debian's packages and no Go.
// Its ordinary user is called user.
type machine struct{ root string }

func newMachine(t *testing.T, packages ...string) machine {
	t.Helper()
	m := machine{root: publicDir(t) + "/root"}
	shell(t, `./machine.sh "$@"`, append([]string{m.root}, packages...)...)
	return m
}

// enter mounts what programs need, for itself and its children only, and runs a command as
// a user.
const enter = `root=$1 user=$2; shift 2
mount --bind /dev "$root/dev" && mount -t proc proc "$root/proc"
home=$(sed -n "s/^$user:[^:]*:[^:]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p" "$root/etc/passwd")
exec env -i HOME="$home" LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec="$user:$user" "$root" "$@"`

// command returns the command line that runs a command on the machine, in the same process.
func (m machine) command(user string, args ...string) []string {
	return append([]string{"unshare", "--mount", "sh", "-ec", enter, "sh", m.root, user}, args...)
}

// run runs a script as a user and returns what it prints. If it fails, the test fails.
func (m machine) run(t *testing.T, user, script string) string {
	t.Helper()
	out, err := m.try(t, user, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

func (m machine) try(t *testing.T, user, script string) (string, error) {
	t.Helper()
	line := m.command(user, "sh", "-c", "cd; "+script)
	out, err := exec.CommandContext(t.Context(), line[0], line[1:]...).CombinedOutput()
	return string(out), err
}

// says runs a script that has to print a text.
func (m machine) says(t *testing.T, user, script, want string) {
	t.Helper()
	if out := m.run(t, user, script); !strings.Contains(out, want) {
		t.Errorf("%s: want %q in\n%s", script, want, out)
	}
}
