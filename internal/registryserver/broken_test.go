package registryserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// What a broken request brought stays, whichever request it is and however its
// connection ends. The registry says how much it is, and takes the rest.
func TestBrokenUploadGoesOn(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	sum := digest(content)
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		for name, end := range map[string]func(*net.TCPConn){
			"reset":  func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
			"closed": func(c *net.TCPConn) { _ = c.Close() },
			"silent": func(*net.TCPConn) {},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				s := httptest.NewServer(open(t, registryserver.Config{Dir: t.TempDir()}))
				t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
				send := func(method, path, body, span string) *http.Response {
					req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					if span != "" {
						req.Header.Set("Content-Range", span)
					}
					resp, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					return resp
				}
				at := send(http.MethodPost, "/v2/a/blobs/uploads/", "", "").Header.Get("Location")
				path := at
				if method == http.MethodPut {
					path += "?digest=" + sum
				}
				c, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_, _ = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", method, path, len(content))
				_, _ = c.Write(content[:len(content)/2])
				end(c.(*net.TCPConn))

				// The registry may still read what came, so that a piece is refused that begins
				// where it was a moment ago. The client then asks again.
				size := func() int {
					status := send(http.MethodGet, at, "", "")
					var last int
					if _, err := fmt.Sscanf(status.Header.Get("Range"), "0-%d", &last); err != nil || status.StatusCode != http.StatusNoContent {
						t.Fatalf("status: %s, Range %q", status.Status, status.Header.Get("Range"))
					}
					if last == 0 {
						return 0
					}
					return last + 1
				}
				n := size()
				for tries := 0; name != "reset" && n != len(content)/2 && tries < 100; tries++ {
					n = size()
				}
				if n > len(content)/2 || name != "reset" && n != len(content)/2 {
					t.Errorf("it has %d bytes of %d", n, len(content)/2)
				}
				wrong := send(http.MethodPatch, at, string(content[len(content)/2+1:]), fmt.Sprintf("%d-%d", len(content)/2+1, len(content)-1))
				if wrong.StatusCode != http.StatusRequestedRangeNotSatisfiable {
					t.Errorf("another range: %s", wrong.Status)
				}
				for tries := 0; ; tries++ {
					n := size()
					got := send(http.MethodPatch, at, string(content[n:]), fmt.Sprintf("%d-%d", n, len(content)-1))
					if got.StatusCode == http.StatusAccepted {
						break
					}
					if got.StatusCode != http.StatusRequestedRangeNotSatisfiable || tries == 100 {
						t.Fatalf("the rest: %s", got.Status)
					}
				}
				if got := send(http.MethodPut, at+"?digest="+sum, "", ""); got.StatusCode != http.StatusCreated {
					t.Errorf("the end: %s", got.Status)
				}
			})
		}
	}
}
