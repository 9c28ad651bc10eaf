package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/steps/connections"
)

const registryHelp = `Without --dir, everything is in memory and gone when the command ends. With
--dir, a registry that is started again on the same directory still has
everything that it has confirmed. Only one process at a time may write to a
directory; with --read-only, any number may serve it. Each repository in the
directory is an OCI layout.

SIGTERM or Ctrl-C stops it: it takes no new requests, and running ones have
10 seconds to finish. It reads users, certificate and key once, at its start.

  htpasswd -nbB stack PASSWORD > users
  bayplan serve registry --addr 192.0.2.1:8787 --dir /srv/registry \
      --tls-cert cert.pem --tls-key key.pem --htpasswd users --access-log`

func (p *program) serveRegistryCommand() *cli.Command {
	return &cli.Command{
		Name:        "registry",
		Usage:       "serve a container registry with a catalog",
		Description: registryHelp,
		Flags: append(serveFlags("127.0.0.1:5000"),
			&cli.BoolFlag{Name: "no-delete", Usage: "refuse to delete anything"},
			&cli.StringFlag{Name: "htpasswd", Usage: "accept only the users in `FILE`"},
			&cli.StringFlag{Name: "tls-cert", Usage: "serve TLS with the certificate in `FILE`"},
			&cli.StringFlag{Name: "tls-key", Usage: "`FILE` with the key of that certificate"},
			&cli.BoolFlag{Name: "access-log", Usage: "write a line for each request to stderr"},
			&cli.StringFlag{Name: "images", Usage: "serve stand-ins of `RELEASE`: " + strings.Join(connections.GeneratedReleases(), ", ")},
		),
		Action: p.serveRegistry,
	}
}

func (p *program) serveRegistry(c *cli.Context) error {
	conf := registryserver.Config{Dir: c.String("dir"), ReadOnly: c.Bool("read-only"), NoDelete: c.Bool("no-delete")}
	var err error
	if conf.Images, err = connections.GeneratedImages(c.String("images")); err != nil {
		return commandline.Usage(err)
	}
	if file := c.String("htpasswd"); file != "" {
		if conf.Users, err = registryserver.ReadUsers(file); err != nil {
			return err
		}
	}
	security, err := loadServerTLS(c.String("tls-cert"), c.String("tls-key"))
	if err != nil {
		return err
	}
	service, err := registryserver.New(conf)
	if err != nil {
		return err
	}
	return p.serve(c, service, security, func(addr net.Addr) string {
		return fmt.Sprintf("registry on %s://%s/v2/", security.scheme(), addr)
	})
}

// loadServerTLS reads the certificate and key of a TLS server. Without files it
// returns nil.
func loadServerTLS(cert, key string) (*serverTLS, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, commandline.Usage(fmt.Errorf("--tls-cert and --tls-key go together"))
	}
	pair, err := transport.LoadKeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("load the certificate %s with the key %s: %w", cert, key, err)
	}
	return &serverTLS{&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}, nil
}

// serverTLS is the TLS configuration of a server. nil means plain HTTP.
type serverTLS struct{ conf *tls.Config }

func (s *serverTLS) scheme() string {
	if s == nil {
		return "http"
	}
	return "https"
}

// serve serves a listener until the server is shut down.
func (s *serverTLS) serve(server *http.Server, l net.Listener) error {
	if s == nil {
		return server.Serve(l)
	}
	server.TLSConfig = s.conf
	return server.ServeTLS(l, "", "")
}
