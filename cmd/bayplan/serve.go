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

// grace is how long requests may go on after the server was told to stop.
const grace = 10 * time.Second

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "put an embedded service on a port",
		Subcommands: []*cli.Command{
			p.serveRegistryCommand(),
			{
				Name:        "cloud",
				Usage:       "serve OpenStack's identity and image service",
				Flags:       serveFlags("127.0.0.1:5001"),
				Description: "Prints a clouds.yaml with which clients reach it.",
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

// serve answers requests until the context ends, then lets running ones finish.
func (p *program) serve(c *cli.Context, s service, way *serverTLS, hello func(net.Addr) string) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := net.Listen("tcp", c.String("addr"))
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.String("addr"), err)
	}
	server := p.server(s, c.Bool("access-log"))
	ended := make(chan error, 1)
	go func() { ended <- way.serve(server, listener) }()
	fmt.Fprintln(p.out, hello(listener.Addr()))
	select {
	case err := <-ended:
		return err
	case <-c.Context.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop serving: %w", err), server.Close())
	}
	return nil
}

// server is one that idle clients cannot tie up.
func (p *program) server(h http.Handler, logged bool) *http.Server {
	if logged {
		h = newAccessLog(h, p.err)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          log.New(p.err, "bayplan: ", 0),
	}
}
