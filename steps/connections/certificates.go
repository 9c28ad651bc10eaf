package connections

import (
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// TolerateBrokenFiles makes Open leave out the certificates, authorities and keys of a
// connection where one of them cannot be read. Servers gives them all the same, so that
// each can be told. It is called before Open.
func (s *Set) TolerateBrokenFiles() { s.tolerant = true }

// isNeeded reports whether a connection is one of those that Need names.
func (s *Set) isNeeded(kind runner.ServerKind, name string) bool {
	return !s.tolerant && (s.needs == nil || s.needs(kind, name))
}

// brokenFiles gives the error of the authorities, the certificate or the key of a
// connection that cannot be read.
func (c *ServerConnection) brokenFiles() error {
	if c.CA == "" && c.Cert == "" {
		return nil
	}
	_, err := transport.New([]transport.Endpoint{endpoint(*c, c.Host)})
	return err
}

// files gives the paths of the authorities, the certificate and the key with which a
// connection is opened. One that is not needed goes without files that cannot be read.
func (s *Set) files(kind runner.ServerKind, name string, c ServerConnection) (ca, cert, key string) {
	if !s.isNeeded(kind, name) && c.brokenFiles() != nil {
		return "", "", ""
	}
	return string(c.CA), string(c.Cert), string(c.Key)
}

// checkFiles finds the files that cannot be read of the connections that are needed.
func (s *Set) checkFiles() plan.Errors {
	var errs plan.Errors
	check := func(kind runner.ServerKind, name string, c ServerConnection, in plan.Body) {
		if !s.isNeeded(kind, name) {
			return
		}
		err := c.brokenFiles()
		if err == nil {
			return
		}
		c.CA = ""
		field := "ca"
		if c.brokenFiles() != nil {
			field = "cert"
		}
		e := in.Errorf(field, "%v", err)
		e.Hint = fault.Hint(err)
		errs = append(errs, e)
	}
	for _, r := range s.registries {
		check(runner.RegistryServer, r.name, r.ServerConnection, r.body)
	}
	for _, h := range s.hosts {
		check(runner.WebServer, h.name, h.ServerConnection, h.body)
	}
	return errs
}
