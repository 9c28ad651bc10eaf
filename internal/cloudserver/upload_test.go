package cloudserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

// A putServer is a cloud on a port that reports when it begins to read an upload
// and when the upload has ended.
type putServer struct {
	*httptest.Server
	sc          *gophercloud.ServiceClient
	begun, done chan struct{}
}

func servePuts(t *testing.T, conf cloudserver.Config) putServer {
	t.Helper()
	c := open(t, conf)
	p := putServer{begun: make(chan struct{}, 9), done: make(chan struct{}, 9)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			// This must be a copy: the server checks the body of its own request
			// to see whether the client waits for "100 Continue".
			r = r.WithContext(r.Context())
			r.Body = &firstRead{r.Body, p.begun}
			defer func() { p.done <- struct{}{} }()
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	p.sc = login(t, p.URL)
	return p
}

// A firstRead signals the first bytes.
type firstRead struct {
	io.ReadCloser
	begun chan struct{}
}

func (f *firstRead) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if f.begun != nil && n > 0 {
		f.begun <- struct{}{}
		f.begun = nil
	}
	return n, err
}

// A connection is a PUT written by hand.
type connection struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (p putServer) put(t *testing.T, id, header string) connection {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := connection{conn, t, bufio.NewReader(conn)}
	c.write(fmt.Sprintf("PUT /image/v2/images/%s/file HTTP/1.1\r\nHost: cloud\r\nContent-Type: application/octet-stream\r\n%s\r\n\r\n", id, header))
	return c
}

func (c connection) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c connection) wantStatus(want int) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	if resp.StatusCode != want {
		c.t.Fatalf("got %s, want %d", resp.Status, want)
	}
}

func wantQueued(t *testing.T, sc *gophercloud.ServiceClient, id string) {
	t.Helper()
	if i := show(t, sc, id); i.Status != images.ImageStatusQueued || i.SizeBytes != 0 || i.Checksum != "" {
		t.Fatalf("the image is %s, %d bytes, %q", i.Status, i.SizeBytes, i.Checksum)
	}
}

func auth(sc *gophercloud.ServiceClient) string { return "X-Auth-Token: " + sc.Token() + "\r\n" }

// After a truncated body the image is queued again, and the next attempt works.
func TestCutUpload(t *testing.T) {
	storages(t, func(t *testing.T, conf cloudserver.Config) {
		for name, tc := range map[string]struct{ header, part string }{
			"chunked":            {"Transfer-Encoding: chunked", "5\r\nhello\r\n"},
			"in a chunk":         {"Transfer-Encoding: chunked", "9\r\nhello"},
			"length is known":    {"Content-Length: 9", "hello"},
			"chunk that is none": {"Transfer-Encoding: chunked", "5\r\nhello\r\nxyz\r\n"},
		} {
			t.Run(name, func(t *testing.T) {
				if conf.Dir != "" {
					conf.Dir = t.TempDir()
				}
				p := servePuts(t, conf)
				i := create(t, p.sc, images.CreateOpts{Name: "a"})
				c := p.put(t, i.ID, auth(p.sc)+tc.header)
				c.write(tc.part)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				<-p.done
				wantQueued(t, p.sc, i.ID)
				upload(t, p.sc, i.ID, "hello")
				if got := show(t, p.sc, i.ID); got.Checksum != helloMD5 {
					t.Errorf("after the second attempt the data are %s", got.Checksum)
				}
			})
		}
	})
}

func TestWhileSaving(t *testing.T) {
	storages(t, func(t *testing.T, conf cloudserver.Config) {
		p := servePuts(t, conf)
		i := create(t, p.sc, images.CreateOpts{Name: "a"})
		c := p.put(t, i.ID, auth(p.sc)+"Content-Length: 5")
		c.write("he")
		<-p.begun
		if got := show(t, p.sc, i.ID); got.Status != images.ImageStatusSaving {
			t.Errorf("the image is %s", got.Status)
		}
		second := p.put(t, i.ID, auth(p.sc)+"Content-Length: 5")
		second.write("hello")
		second.wantStatus(http.StatusConflict)
		<-p.done
		_, err := images.Update(t.Context(), p.sc, i.ID, images.UpdateOpts{images.ReplaceImageName{NewName: "b"}}).Extract()
		if err != nil {
			t.Errorf("renaming an image that is saving: %v", err)
		}
		c.write("llo")
		c.wantStatus(http.StatusNoContent)
		<-p.done
		if got := show(t, p.sc, i.ID); got.Status != images.ImageStatusActive || got.Checksum != helloMD5 || got.Name != "b" {
			t.Errorf("the image is %s, %s, %s", got.Status, got.Checksum, got.Name)
		}
	})
}

func TestDeleteWhileSaving(t *testing.T) {
	storages(t, func(t *testing.T, conf cloudserver.Config) {
		p := servePuts(t, conf)
		i := create(t, p.sc, images.CreateOpts{Name: "a"})
		c := p.put(t, i.ID, auth(p.sc)+"Content-Length: 5")
		c.write("he")
		<-p.begun
		if err := images.Delete(t.Context(), p.sc, i.ID).ExtractErr(); err != nil {
			t.Fatal(err)
		}
		c.write("llo")
		c.wantStatus(http.StatusGone)
		if err := images.Get(t.Context(), p.sc, i.ID).Err; !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			t.Errorf("got %v", err)
		}
		if conf.Dir != "" {
			wantFiles(t, conf.Dir, i.ID+".json")
		}
	})
}

// A client that waits for "100 Continue" is refused before it sends a byte.
func TestExpectContinue(t *testing.T) {
	p := servePuts(t, cloudserver.Config{})
	i := create(t, p.sc, images.CreateOpts{Name: "a"})
	const length = "Content-Length: 5\r\nExpect: 100-continue"
	p.put(t, i.ID, "X-Auth-Token: old\r\n"+length).wantStatus(http.StatusUnauthorized)
	p.put(t, idA, auth(p.sc)+length).wantStatus(http.StatusNotFound)
	wantQueued(t, p.sc, i.ID)
	c := p.put(t, i.ID, auth(p.sc)+length)
	c.wantStatus(http.StatusContinue)
	c.write("hello")
	c.wantStatus(http.StatusNoContent)
	p.put(t, i.ID, auth(p.sc)+length).wantStatus(http.StatusConflict)
}

// Without a socket only the cloud compares the length with the declared one.
func TestLengthWithoutSocket(t *testing.T) {
	for name, data := range map[string]string{"shorter": "hell", "longer": "hello!"} {
		t.Run(name, func(t *testing.T) {
			r := rawClient(t, cloudserver.Config{})
			r.image(idA, "")
			req := httptest.NewRequestWithContext(t.Context(), "PUT", "http://cloud/image/v2/images/"+idA+"/file", strings.NewReader(data))
			req.Header.Set("X-Auth-Token", r.token)
			req.Header.Set("Content-Type", octets)
			req.ContentLength = 5
			w := httptest.NewRecorder()
			r.h.ServeHTTP(w, req)
			if w.Code != http.StatusBadRequest {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			r.want(204, "PUT", "/image/v2/images/"+idA+"/file", octets, "hello")
		})
	}
}

func TestCloseWhileSaving(t *testing.T) {
	storages(t, func(t *testing.T, conf cloudserver.Config) {
		c := open(t, conf)
		r := raw{t, c, token(t, c)}
		r.image(idA, "")
		body := io.MultiReader(strings.NewReader("hel"), closing(func() { closeIt(t, c) }), strings.NewReader("lo"))
		req := httptest.NewRequestWithContext(t.Context(), "PUT", "http://cloud/image/v2/images/"+idA+"/file", body)
		req.Header.Set("X-Auth-Token", r.token)
		req.Header.Set("Content-Type", octets)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, req)
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		r.want(503, "POST", "/image/v2/images", "", "{}")
		r.want(503, "DELETE", "/image/v2/images/"+idA, "", "")
		if conf.Dir != "" {
			again := open(t, conf)
			r := raw{t, again, token(t, again)}
			r.want(204, "PUT", "/image/v2/images/"+idA+"/file", octets, "hello")
		}
	})
}

// A closing is an empty reader that calls a function.
type closing func()

func (c closing) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}

func TestPartOfData(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	r.image(idA, "", "hello")
	req := httptest.NewRequestWithContext(t.Context(), "GET", "http://cloud/image/v2/images/"+idA+"/file", nil)
	req.Header.Set("X-Auth-Token", r.token)
	req.Header.Set("Range", "bytes=1-3")
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	if w.Code != http.StatusPartialContent || w.Body.String() != "ell" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

// A killer is a body that kills a process when it was read up to some point.
type killer struct {
	left, at, sent int
	kill           func()
}

func (k *killer) Read(p []byte) (int, error) {
	n := min(len(p), k.left, 1<<12)
	if n == 0 {
		return 0, io.EOF
	}
	copy(p, strings.Repeat("b", n))
	k.left -= n
	if k.sent += n; k.sent >= k.at && k.kill != nil {
		k.kill()
		k.kill = nil
	}
	return n, nil
}

func uploadFrom(t *testing.T, sc *gophercloud.ServiceClient, id string, body io.Reader) error {
	t.Helper()
	return imagedata.Upload(t.Context(), sc, id, body).ExtractErr()
}
