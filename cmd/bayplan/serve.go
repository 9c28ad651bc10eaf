package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

// shutdownTimeout is how long requests may still run after the signal to stop.
const shutdownTimeout = 10 * time.Second

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve an embedded registry or cloud on a port",
		Subcommands: []*cli.Command{
			p.serveRegistryCommand(),
			{
				Name:        "cloud",
				Usage:       "serve OpenStack's identity and image services",
				Flags:       serveFlags("127.0.0.1:5001"),
				Description: "Prints a clouds.yaml for its clients.",
				Action:      p.serveCloud,
			},
		},
	}
}

func serveFlags(addr string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "addr", Value: addr, Usage: "listen on `HOST:PORT`, 0 is any"},
		&cli.StringFlag{Name: "dir", Usage: "keep everything in `DIR` (default: in memory)"},
		&cli.BoolFlag{Name: "read-only", Usage: "refuse every write"},
	}
}

func (p *program) serveCloud(c *cli.Context) error {
	service, err := cloudserver.New(cloudserver.Config{Dir: c.String("dir"), ReadOnly: c.Bool("read-only")})
	if err != nil {
		return err
	}
	return p.serve(c, service, nil, func(addr net.Addr) string {
		return service.CloudsYAML("http://" + addr.String() + "/v3")
	})
}

// A service is a handler that must be closed.
type service interface {
	http.Handler
	io.Closer
}

// serve serves requests until the context ends, then lets running requests
// finish. It prints the banner once it listens.
func (p *program) serve(c *cli.Context, s service, security *serverTLS, banner func(net.Addr) string) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := net.Listen("tcp", c.String("addr"))
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.String("addr"), err)
	}
	server := p.server(s, c.Bool("access-log"))
	ended := make(chan error, 1)
	go func() { ended <- security.serve(server, listener) }()
	if _, err := fmt.Fprintln(p.Stdout, banner(listener.Addr())); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-ended:
		return err
	case <-c.Context.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop serving: %w", err), server.Close())
	}
	return nil
}

// server makes a server with timeouts, so that idle clients cannot tie it up.
func (p *program) server(h http.Handler, logged bool) *http.Server {
	h = privateErrors{h, log.New(p.Stderr, "bayplan: ", 0)}
	if logged {
		h = newAccessLog(h, p.Stderr)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          log.New(p.Stderr, "bayplan: ", 0),
	}
}
