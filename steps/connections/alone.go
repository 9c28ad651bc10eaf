package connections

import "github.com/bayplan/bayplan/internal/redact"

// Alone gives connections that have the registry of a host and no other server, for what a
// command asks for besides what its plan says. They have the settings of the connection that
// the host has in s. A host that has none there is reached over https, with the login that
// docker and podman keep for it. s may be nil; it need not be open. The caller opens and
// closes them.
func (s *Set) Alone(host string, secrets *redact.Redactor) *Set {
	one := &Set{redactor: secrets}
	r := namedRegistry{name: host, RegistryConnection: RegistryConnection{ServerConnection: ServerConnection{Host: host}, Login: "config"}}
	if s != nil {
		one.secretVariables = s.secretVariables
		if known, found := s.byHost(host); found {
			r = known
		}
	}
	one.add(r)
	return one
}

// IsEmbedded reports whether the registry of a host is answered inside the process.
func (s *Set) IsEmbedded(host string) bool {
	r, found := s.byHost(host)
	return found && r.Embedded != nil
}
