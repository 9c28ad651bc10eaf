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

// A toxiproxy is a running toxiproxy; a toxicLine one of its proxies.
type toxiproxy struct{ api string }

type toxicLine struct {
	t   *testing.T
	api string // of this proxy
	url string // of the server, by way of the proxy
}

func startToxiproxy(t *testing.T) toxiproxy {
	t.Helper()
	port := freePort(t)
	api := "http://127.0.0.1:" + port
	startServer(t, "serve.sh", t.TempDir()+"/log", api+"/version", program(t, pinned.Toxiproxy), "-host", "127.0.0.1", "-port", port)
	return toxiproxy{api}
}

// line leads to a server by way of a new proxy.
func (p toxiproxy) line(t *testing.T, name, server string) toxicLine {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l := toxicLine{t: t, api: p.api + "/proxies"}
	var made struct{ Listen string }
	answer := l.call("POST", "", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": u.Host, "enabled": true})
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	l.api, l.url = l.api+"/"+name, "http://"+made.Listen
	return l
}

// A toxic is one trouble of a line.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Toxicity   float64        `json:"toxicity"`
	Attributes map[string]any `json:"attributes"`
}

func (l toxicLine) add(x toxic)        { l.call("POST", "/toxics", x) }
func (l toxicLine) change(x toxic)     { l.call("POST", "/toxics/"+x.Name, x) }
func (l toxicLine) remove(name string) { l.call("DELETE", "/toxics/"+name, nil) }

// call may come from any goroutine.
func (l toxicLine) call(method, path string, body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		l.t.Error(err)
		return nil
	}
	req, err := http.NewRequest(method, l.api+path, bytes.NewReader(b))
	if err != nil {
		l.t.Error(err)
		return nil
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		l.t.Errorf("toxiproxy: %s %s: %s %v\n%s", method, path, resp.Status, err, answer)
	}
	return answer
}

// A trouble is what a line has during a run. It is set up before, and may go
// on and off while bytes pass the doorstep.
type trouble func(l toxicLine, d *doorstep, bytes int)

// always is there from the first connection to the last.
func always(stream, kind string, attributes map[string]any) trouble {
	return func(l toxicLine, _ *doorstep, _ int) {
		l.add(toxic{Name: kind, Type: kind, Stream: stream, Toxicity: 1, Attributes: attributes})
	}
}

// resets breaks connections off at several moments. Toxiproxy prepares a
// connection for it as it is made, so the toxic has to be there from the
// beginning, without effect.
func resets(stream string) trouble {
	return func(l toxicLine, d *doorstep, bytes int) {
		x := toxic{Name: "reset", Type: "reset_peer", Stream: stream, Attributes: map[string]any{"timeout": 0}}
		l.add(x)
		pulses(d, bytes, func() { x.Toxicity = 1; l.change(x) }, func() { x.Toxicity = 0; l.change(x) })
	}
}

// silences lets connections fall silent at several moments; they are closed
// after some milliseconds, or with 0 not before the client gives up.
func silences(stream string, milliseconds int) trouble {
	return func(l toxicLine, d *doorstep, bytes int) {
		x := toxic{Name: "timeout", Type: "timeout", Stream: stream, Toxicity: 1, Attributes: map[string]any{"timeout": milliseconds}}
		on, off := func() { l.add(x) }, func() { l.remove(x.Name) }
		if milliseconds == 0 { // once is long enough
			d.after(int64(bytes/2), func() { on(); d.afterEnds(1, off) })
			return
		}
		pulses(d, bytes, on, off)
	}
}

// pulses turns trouble on at a third and two thirds of the bytes, and off again
// when it has ended two connections. A blob is given up when it fails three
// times running, so there are no more.
func pulses(d *doorstep, bytes int, on, off func()) {
	for third := 1; third <= 2; third++ {
		d.after(int64(bytes/3*third), func() { on(); d.afterEnds(2, off) })
	}
}

// TestToxiproxy mirrors a set over lines with all the troubles that toxiproxy
// can make, on either side: it arrives whole, and little of it is sent twice.
func TestToxiproxy(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 2 << 20, service: 512 << 10, own: 384 << 10})
	proxy := startToxiproxy(t)
	t.Logf("%d blobs, %d bytes", len(images.blobs), images.bytes)

	for _, tt := range []struct {
		name         string
		source, dest trouble
		cuts         int64  // of connections, at the least
		more         string // of the destination's connection
	}{
		{name: "none"},
		{name: "latency at the source", source: always("downstream", "latency", map[string]any{"latency": 20, "jitter": 10})},
		{name: "latency at the destination", dest: always("upstream", "latency", map[string]any{"latency": 10, "jitter": 5})},
		{name: "bandwidth at the source", source: always("downstream", "bandwidth", map[string]any{"rate": 2000})},
		{name: "bandwidth at the destination", dest: always("upstream", "bandwidth", map[string]any{"rate": 2000})},
		{name: "limit_data at the source", cuts: 10, source: always("downstream", "limit_data", map[string]any{"bytes": 1 << 20})},
		// One that is cut three times running is given up, so these limits are not tight.
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
			front := func(name, server string, cause trouble) *doorstep {
				l := proxy.line(t, fmt.Sprintf("%s of %s", name, tt.name), server)
				d := newDoorstep(t, l.url)
				if cause != nil {
					cause(l, d, images.bytes)
				}
				return d
			}
			dest := rawRegistry{url: startRegistry(t, t.TempDir())}
			from, to := front("source", source.url, tt.source), front("destination", dest.url, tt.dest)
			s := newMirror(t, images, reach(upstreamHost, from.url, ""), reach(localHost, to.url, tt.more), "", deepCatalogStep)
			s.must(t, 0, []string{"apply"}, "1 changed, 1 unchanged, 0 failed")
			pulled, pushed := ratio(from.taken.Load(), images), ratio(to.given.Load(), images)
			cuts := from.cut.Load() + to.cut.Load()
			t.Logf("pulled %.3f times what there is, pushed %.3f; %d connections were cut", pulled, pushed, cuts)
			if cuts < tt.cuts {
				t.Errorf("%d connections were cut, want at least %d", cuts, tt.cuts)
			}
			if pulled > 1.2 || pushed > 1.2 {
				t.Errorf("pulled %.3f times what there is, pushed %.3f; want at most 1.2", pulled, pushed)
			}
			images.isWholeAt(t, dest)
			s.must(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
		})
	}
}

func ratio(bytes int64, s set) float64 { return float64(bytes) / float64(s.bytes) }
