//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A toxiproxy is a running toxiproxy server.
type toxiproxy struct{ api string }

// A toxicProxy is one proxy of a toxiproxy.
type toxicProxy struct {
	t   *testing.T
	api string // URL of this proxy's API
	url string // URL of the server through the proxy
}

func startToxiproxy(t *testing.T) toxiproxy {
	t.Helper()
	port := freePort(t)
	api := "http://127.0.0.1:" + port
	startServer(t, "serve.sh", t.TempDir()+"/log", api+"/version", program(t, pinned.Toxiproxy), "-host", "127.0.0.1", "-port", port)
	return toxiproxy{api}
}

// newProxy makes a proxy to a server.
func (p toxiproxy) newProxy(t *testing.T, name, server string) toxicProxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	made := toxicProxy{t: t, api: p.api + "/proxies"}
	var created struct{ Listen string }
	answer := made.call("POST", "", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": u.Host, "enabled": true})
	if err := json.Unmarshal(answer, &created); err != nil {
		t.Fatal(err)
	}
	made.api, made.url = made.api+"/"+name, "http://"+created.Listen
	return made
}

// A toxic is one network fault in the terms of toxiproxy.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Toxicity   float64        `json:"toxicity"`
	Attributes map[string]any `json:"attributes"`
}

func (p toxicProxy) add(x toxic)        { p.call("POST", "/toxics", x) }
func (p toxicProxy) change(x toxic)     { p.call("POST", "/toxics/"+x.Name, x) }
func (p toxicProxy) remove(name string) { p.call("DELETE", "/toxics/"+name, nil) }

// call calls the API. Any goroutine may use it.
func (p toxicProxy) call(method, path string, body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Error(err)
		return nil
	}
	req, err := http.NewRequest(method, p.api+path, bytes.NewReader(b))
	if err != nil {
		p.t.Error(err)
		return nil
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		p.t.Errorf("toxiproxy: %s %s: %s %v\n%s", method, path, resp.Status, err, answer)
	}
	return answer
}

// A networkFault adds faults to a proxy before a run. It may turn them on and off
// as bytes pass the tcpProxy.
type networkFault func(p toxicProxy, d *tcpProxy, bytes int)

// always is a fault of all connections.
func always(stream, kind string, attributes map[string]any) networkFault {
	return func(p toxicProxy, _ *tcpProxy, _ int) {
		p.add(toxic{Name: kind, Type: kind, Stream: stream, Toxicity: 1, Attributes: attributes})
	}
}

// resets resets connections at several moments. Toxiproxy prepares a connection
// for that when it opens. So the toxic must exist from the beginning, without
// effect.
func resets(stream string) networkFault {
	return func(p toxicProxy, d *tcpProxy, bytes int) {
		x := toxic{Name: "reset", Type: "reset_peer", Stream: stream, Attributes: map[string]any{"timeout": 0}}
		p.add(x)
		pulses(d, bytes, func() { x.Toxicity = 1; p.change(x) }, func() { x.Toxicity = 0; p.change(x) })
	}
}

// silences stops the data of connections at several moments. It closes them after
// some milliseconds, or with 0 only when the client gives up.
func silences(stream string, milliseconds int) networkFault {
	return func(p toxicProxy, d *tcpProxy, bytes int) {
		x := toxic{Name: "timeout", Type: "timeout", Stream: stream, Toxicity: 1, Attributes: map[string]any{"timeout": milliseconds}}
		on, off := func() { p.add(x) }, func() { p.remove(x.Name) }
		if milliseconds == 0 { // only once: it takes long
			d.afterBytes(int64(bytes/2), func() { on(); d.afterEnds(1, off) })
			return
		}
		pulses(d, bytes, on, off)
	}
}

// pulses turns a fault on after one and two thirds of the bytes, and off again
// after it has ended two connections.
func pulses(d *tcpProxy, bytes int, on, off func()) {
	for third := 1; third <= 2; third++ {
		d.afterBytes(int64(bytes/3*third), func() { on(); d.afterEnds(2, off) })
	}
}

// TestToxiproxy mirrors a set under all network faults of toxiproxy, on either
// side. All images arrive, and little is sent twice.
func TestToxiproxy(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 2 << 20, service: 512 << 10, own: 384 << 10})
	proxy := startToxiproxy(t)
	t.Logf("%d blobs, %d bytes", len(images.blobs), images.bytes)

	for _, tt := range []struct {
		name         string
		source, dest networkFault
		cuts         int64  // least number of cut connections
		more         string // settings of the destination's connection
	}{
		{name: "none"},
		{name: "latency at the source", source: always("downstream", "latency", map[string]any{"latency": 20, "jitter": 10})},
		{name: "latency at the destination", dest: always("upstream", "latency", map[string]any{"latency": 10, "jitter": 5})},
		{name: "bandwidth at the source", source: always("downstream", "bandwidth", map[string]any{"rate": 2000})},
		{name: "bandwidth at the destination", dest: always("upstream", "bandwidth", map[string]any{"rate": 2000})},
		{name: "limit_data at the source", cuts: 10, source: always("downstream", "limit_data", map[string]any{"bytes": 1 << 20})},
		// These limits are loose: many blobs that break at once are sent twice.
		{name: "limit_data at the destination", cuts: 1, more: ", concurrency: 2", dest: always("upstream", "limit_data", map[string]any{"bytes": 8 << 20})},
		{name: "limit_data of answers", cuts: 2, more: ", concurrency: 2", dest: always("downstream", "limit_data", map[string]any{"bytes": 60_000})},
		{name: "slicer at the source", source: always("downstream", "slicer", map[string]any{"average_size": 1000, "size_variation": 500, "delay": 10})},
		{name: "slicer at the destination", dest: always("upstream", "slicer", map[string]any{"average_size": 1000, "size_variation": 500, "delay": 10})},
		{name: "slow_close at the source", source: always("downstream", "slow_close", map[string]any{"delay": 500})},
		{name: "slow_close at the destination", dest: always("upstream", "slow_close", map[string]any{"delay": 500})},
		{name: "reset_peer at the source", cuts: 2, source: resets("downstream")},
		{name: "reset_peer at the destination", cuts: 2, dest: resets("upstream")},
		{name: "timeout at the source", cuts: 2, source: silences("downstream", 300)},
		{name: "timeout at the destination", cuts: 2, dest: silences("upstream", 300)},
		{name: "silence at the source", source: silences("downstream", 0)},
		{name: "silence at the destination", dest: silences("upstream", 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			front := func(name, server string, cause networkFault) *tcpProxy {
				p := proxy.newProxy(t, fmt.Sprintf("%s of %s", name, tt.name), server)
				d := newTCPProxy(t, p.url)
				if cause != nil {
					cause(p, d, images.bytes)
				}
				return d
			}
			dest := rawRegistry{url: startRegistry(t, t.TempDir())}
			from, to := front("source", source.url, tt.source), front("destination", dest.url, tt.dest)
			s := newMirror(t, images, connectionTo(upstreamHost, from.url, ""), connectionTo(localHost, to.url, tt.more), "", deepCatalogStep)
			s.mustRun(t, 0, []string{"apply"}, "1 changed, 1 unchanged, 0 failed")
			pulled, pushed := ratio(from.received.Load(), images), ratio(to.sent.Load(), images)
			cuts := from.cut.Load() + to.cut.Load()
			t.Logf("pulled %.3f times what there is, pushed %.3f; %d connections were cut", pulled, pushed, cuts)
			if cuts < tt.cuts {
				t.Errorf("%d connections were cut, want at least %d", cuts, tt.cuts)
			}
			if pulled > 1.2 || pushed > 1.2 {
				t.Errorf("pulled %.3f times what there is, pushed %.3f; want at most 1.2", pulled, pushed)
			}
			images.checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
		})
	}
}

func ratio(bytes int64, s set) float64 { return float64(bytes) / float64(s.bytes) }
