//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/server/common/testing/freeport"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A toxiproxy is the URL of a toxiproxy's API.
type toxiproxy string

// A toxicLine leads to a server.
type toxicLine struct {
	t       *testing.T
	api     string // of this line
	address string // of the server through the line
}

func startToxiproxy(t *testing.T) toxiproxy {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program, err := pinned.Build(t.Context(), filepath.Join(cache, "bayplan-integration"), pinned.Toxiproxy)
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(freeport.MustGetFreePort())
	api := "http://127.0.0.1:" + port
	cmd := exec.Command("../../internal/dev/integration/serve.sh", filepath.Join(t.TempDir(), "log"), api+"/version", program, "-host", "127.0.0.1", "-port", port)
	out := newBuffer()
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // ends it
		_ = cmd.Wait()
	})
	out.wait(t, "ready")
	return toxiproxy(api)
}

func (p toxiproxy) newLine(t *testing.T, name, server string) toxicLine {
	t.Helper()
	l := toxicLine{t: t, api: string(p) + "/proxies"}
	var made struct{ Listen string }
	if err := json.Unmarshal(l.call("POST", "", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": server, "enabled": true}), &made); err != nil {
		t.Fatal(err)
	}
	l.api, l.address = l.api+"/"+name, made.Listen
	return l
}

// set gives the line a fault in one direction. A toxicity of 0 prepares it.
func (l toxicLine) set(kind, stream string, toxicity int, attributes map[string]any) {
	l.t.Helper()
	l.call("POST", "/toxics", map[string]any{"name": kind, "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes})
}

// change changes how many of the connections have a fault, all or none.
func (l toxicLine) change(kind string, toxicity int) {
	l.t.Helper()
	l.call("POST", "/toxics/"+kind, map[string]any{"toxicity": toxicity})
}

func (l toxicLine) mend(kind string) {
	l.t.Helper()
	l.call("DELETE", "/toxics/"+kind, nil)
}

func (l toxicLine) call(method, path string, body any) []byte {
	l.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		l.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.api+path, bytes.NewReader(b))
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		l.t.Fatalf("toxiproxy: %s %s: %s %v\n%s", method, path, resp.Status, err, answer)
	}
	return answer
}

// The lines of a site break while images are copied, that to the server for so long that the server
// gives the worker up. The second attempt comes to the same end.
func TestLines(t *testing.T) {
	for _, tt := range []struct {
		kind     string
		server   map[string]any // what is set for the line to the server
		source   map[string]any // and for the line to the source
		prepared bool           // a connection must have it when it begins
		remains  bool           // at the source until the end
	}{
		{kind: "latency", server: map[string]any{"latency": 8000}, source: map[string]any{"latency": 50, "jitter": 20}, remains: true},
		{kind: "reset_peer", server: map[string]any{"timeout": 0}, source: map[string]any{"timeout": 0}, prepared: true},
		{kind: "limit_data", server: map[string]any{"bytes": 100}, source: map[string]any{"bytes": 3 << 20}, remains: true},
		{kind: "timeout", server: map[string]any{"timeout": 0}, source: map[string]any{"timeout": 300}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			f := newField(t, "centre", "edge2")
			if tt.prepared {
				f.toServer.set(tt.kind, "downstream", 0, tt.server)
				f.toSource.set(tt.kind, "downstream", 0, tt.source)
			}
			f.startWorker("edge1")
			run := f.run()
			f.workers["edge1"].out.wait(t, `images["edge1"]: begun`)
			run.until(t, f.source.held)
			if tt.prepared {
				f.toServer.change(tt.kind, 1)
				f.toSource.change(tt.kind, 1)
			} else {
				f.toServer.set(tt.kind, "upstream", 1, tt.server) // so no heartbeat arrives in time
				f.toSource.set(tt.kind, "downstream", 1, tt.source)
			}
			run.out.wait(t, "the worker of site edge1 has said nothing for 5s")
			if f.recorded("edge1") {
				t.Error("a record says that the images are done")
			}
			f.toServer.mend(tt.kind)
			if !tt.remains {
				f.toSource.mend(tt.kind)
			}
			close(f.source.release)
			f.converged(run)
			if n := strings.Count(f.workers["edge1"].out.String(), `images["edge1"]: begun`); n < 2 {
				t.Errorf("the step has begun %d times", n)
			}
		})
	}
}
