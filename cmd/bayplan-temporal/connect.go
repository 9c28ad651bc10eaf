package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/seal"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/internal/fault"
)

// tlsOf returns the TLS settings of the flags, nil for a connection without TLS.
func tlsOf(c *cli.Context) (*tls.Config, error) {
	ca, cert, key, name := c.String("tls-ca"), c.String("tls-cert"), c.String("tls-key"), c.String("tls-server-name")
	if ca+cert+key+name == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if (cert == "") != (key == "") {
		return nil, commandline.Usage(errors.New("--tls-cert and --tls-key belong together"))
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read the own certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("read the authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the authorities: %s has no certificate", ca)
		}
	}
	return config, nil
}

// wireOf returns what the flags say of a connection, before there is one.
func wireOf(c *cli.Context, identity string) (*wire.Wire, error) {
	w := &wire.Wire{Namespace: c.String("namespace"), Identity: identity}
	var keys []*seal.Key
	if file := c.String("encryption-key"); file != "" {
		read, err := seal.Read(c.Context, file)
		if err != nil {
			return nil, commandline.Usage(err)
		}
		keys = read
	}
	for _, k := range keys {
		w.Keys = append(w.Keys, k.ID())
	}
	w.Values = seal.Values(keys)
	w.Failures = seal.Failures(keys, w.Values)
	return w, nil
}

// credentials returns the API key that a file holds, nil without a file. Each request reads the file,
// so that a key that was renewed counts. With an API key, the library turns TLS on.
func (p *program) credentials(file string) (client.Credentials, error) {
	if file == "" {
		return nil, nil
	}
	read := func(context.Context) (string, error) {
		text, err := os.ReadFile(file)
		key := strings.TrimSpace(string(text))
		if err == nil && key == "" {
			err = fmt.Errorf("%s is empty", file)
		}
		if err != nil {
			return "", fmt.Errorf("read the API key: %w", err)
		}
		p.Secrets.Add(key)
		return key, nil
	}
	if _, err := read(context.Background()); err != nil {
		return nil, err
	}
	return client.NewAPIKeyDynamicCredentials(read), nil
}

// dial connects to the server. identity is what the server calls this process.
func (p *program) dial(c *cli.Context, identity string) (*wire.Wire, error) {
	config, err := tlsOf(c)
	if err != nil {
		return nil, err
	}
	credentials, err := p.credentials(c.String("api-key-file"))
	if err != nil {
		return nil, err
	}
	w, err := wireOf(c, identity)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Context, 20*time.Second)
	defer cancel()
	w.Client, err = client.DialContext(ctx, client.Options{
		HostPort: c.String("address"), Namespace: w.Namespace, Identity: identity, DataConverter: w.Values, FailureConverter: w.Failures,
		ConnectionOptions: client.ConnectionOptions{TLS: config}, Credentials: credentials,
		Logger: log.NewStructuredLogger(slog.New(&problems{tell: p.Tell})),
	})
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("connect to the Temporal server at %s: %w", c.String("address"), err), "--address names another one; for a try, start one with: temporal server start-dev")
	}
	return w, nil
}

// retryDial is how long a worker waits before it dials again.
const retryDial = 5 * time.Second

// reach connects to the server as dial does, and waits for a server that does not answer.
func (p *program) reach(c *cli.Context, identity string) (*wire.Wire, error) {
	_, mistake := tlsOf(c)
	if _, err := wireOf(c, identity); mistake != nil || err != nil {
		return nil, errors.Join(mistake, err)
	}
	for told := map[string]bool{}; ; {
		connected, err := p.dial(c, identity)
		if err == nil {
			return connected, nil
		}
		if text := err.Error(); !told[text] {
			told[text] = true
			p.Tell("waits for the server: " + text)
		}
		select {
		case <-time.After(retryDial):
		case <-c.Context.Done():
			return nil, err
		}
	}
}

// A problems is a log handler that tells people of errors of the library, each at most once a minute.
type problems struct {
	tell func(string)
	mu   sync.Mutex
	last map[string]time.Time
}

// repeatProblem is how long an error of the library is not told again.
const repeatProblem = time.Minute

// Enabled implements slog.Handler.
func (*problems) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h *problems) Handle(_ context.Context, r slog.Record) error {
	cause := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "Error" {
			cause = ": " + a.Value.String()
		}
		return true
	})
	if cause == "" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = map[string]time.Time{}
	}
	if time.Since(h.last[r.Message]) > repeatProblem {
		h.last[r.Message] = time.Now()
		h.tell("temporal: " + r.Message + cause)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *problems) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h *problems) WithGroup(string) slog.Handler { return h }
