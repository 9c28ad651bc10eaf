// Package holder is the lock of a directory: which process holds it, and since when. The kernel ends
// the lock with its process. It does not know what is in the directory.
package holder

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/bayplan/bayplan/internal/textfile"
)

// FileName is the name of the lock file in its directory.
const FileName = "lock"

// A Holder is the process that holds the lock of a state.
type Holder struct {
	PID     int       `json:"pid"`     // its process
	Host    string    `json:"host"`    // where it runs
	User    string    `json:"user"`    // who runs it
	Command string    `json:"command"` // its command line
	Since   time.Time `json:"since"`   // when it took the lock
}

// A LockedError says that another run holds the state.
type LockedError struct {
	Dir    string
	Holder Holder // zero if it has not written it yet
}

// Error names the holder.
func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("the state in %s is held by another run", e.Dir)
	}
	h := e.Holder
	return fmt.Sprintf("the state in %s is held by process %d of %s on %s, %q, since %s",
		e.Dir, h.PID, h.User, h.Host, h.Command, h.Since.Local().Format(time.DateTime))
}

// Hint says that nothing has to be cleaned up.
func (e *LockedError) Hint() string {
	return "wait for it or stop it; the lock ends with its process"
}

// Lock takes the lock of the state in dir, or returns a *LockedError at once. The kernel
// ends the lock with the process, so a dead process never holds it. The lock file stays
// and is never renamed.
func Lock(dir string) (*flock.Flock, error) {
	file := filepath.Join(dir, FileName)
	if info, err := os.Stat(file); err == nil {
		if err := textfile.CheckRegular(file, info); err != nil {
			return nil, fmt.Errorf("lock the state in %s: %w", dir, err)
		}
	}
	l := flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	got, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the state in %s: %w", dir, err)
	}
	if !got {
		return nil, &LockedError{Dir: dir, Holder: Of(dir)}
	}
	if err := write(file); err != nil {
		l.Close()
		return nil, fmt.Errorf("lock the state in %s: %w", dir, err)
	}
	return l, nil
}

// Of returns the process that holds the lock of the state in dir, or held it last. It is zero if
// there is none in the file: the other process may be about to write.
func Of(dir string) Holder {
	var h Holder
	b, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || json.Unmarshal(b, &h) != nil {
		return Holder{}
	}
	return h
}

// Owner names the state in dir among those of all hosts: the runs of one Owner follow each
// other, because each holds the lock. The name stays the same as long as the state does.
// A copy of the state has another name. It is "none" if there is no state yet.
func Owner(dir string) string {
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil {
		return "none"
	}
	host, _ := os.Hostname()
	at := fmt.Sprintln(host, dir)
	if f, ok := info.Sys().(*syscall.Stat_t); ok {
		at += fmt.Sprintln(f.Dev, f.Ino)
	}
	sum := sha256.Sum256([]byte(at))
	return hex.EncodeToString(sum[:8])
}

// Running reports whether the process of a Holder is alive: a killed one leaves its name in the
// lock file. It sees only processes of this host.
func (h Holder) Running() bool {
	host, err := os.Hostname()
	if h.PID <= 0 || err != nil || host != h.Host {
		return false
	}
	err = syscall.Kill(h.PID, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// write writes into the lock file, which must stay the same file: a new one would
// not be locked.
func write(file string) error {
	h := Holder{PID: os.Getpid(), Command: CommandLine(), Since: time.Now()}
	h.User, h.Host = UserAndHost()
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o600)
}

// CommandLine returns the command line of this process for people, without the values of
// variables: they may be secrets.
func CommandLine() string { return commandLine(os.Args) }

func commandLine(args []string) string {
	shown := make([]string, len(args))
	for i, arg := range args {
		flag, value, joined := strings.Cut(arg, "=")
		switch {
		case joined && (flag == "--var" || flag == "-var"):
			name, _, _ := strings.Cut(value, "=")
			arg = flag + "=" + name + "=..."
		case i > 0 && (args[i-1] == "--var" || args[i-1] == "-var"):
			arg = flag + "=..."
		}
		if shown[i] = arg; arg == "" || strings.ContainsAny(arg, " \t\n\"'") {
			shown[i] = strconv.Quote(arg)
		}
	}
	return strings.Join(shown, " ")
}

// UserAndHost names who runs this process and where, "?" for what is not known.
func UserAndHost() (username, host string) {
	username, host = "?", "?"
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	if u, err := user.Current(); err == nil {
		username = u.Username
	}
	return username, host
}
