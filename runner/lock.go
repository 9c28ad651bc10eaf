package runner

import "github.com/bayplan/bayplan/internal/holder"

// A Holder is the process that holds the lock of a state.
type Holder = holder.Holder

// A LockedError says that another run holds the state.
type LockedError = holder.LockedError

// Holder returns the process that holds the lock of the state, or held it last. It is
// zero if there was none.
func (s *Store) Holder() Holder { return holder.Of(s.dir) }

// Owner names this state among those of all hosts, as holder.Owner does.
func (s *Store) Owner() string { return holder.Owner(s.dir) }

// Running returns the process that applies the plan at this moment, without taking the
// lock. It sees only processes of this host.
func (s *Store) Running() (Holder, bool) {
	h := s.Holder()
	return h, h.Running()
}

// CommandLine returns the command line of this process for people, without the values of
// variables: they may be secrets.
func CommandLine() string { return holder.CommandLine() }

// UserAndHost names who runs this process and where, "?" for what is not known.
func UserAndHost() (username, host string) { return holder.UserAndHost() }
