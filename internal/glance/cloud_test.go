package glance_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/glance"
)

// newCloud gives an empty cloud in memory.
func newCloud(t *testing.T) *cloudserver.Cloud {
	t.Helper()
	c, err := cloudserver.New(cloudserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func login(base string) *gophercloud.AuthOptions {
	return &gophercloud.AuthOptions{
		IdentityEndpoint: base + "/v3", Username: cloudserver.DefaultUser, Password: cloudserver.DefaultPassword,
		DomainName: "Default", TenantName: cloudserver.DefaultProject,
	}
}

// quick are options whose waits are short.
func quick(base string) glance.Options {
	return glance.Options{Cloud: "undercloud", Auth: login(base), Patience: 50 * time.Millisecond, Pause: time.Millisecond}
}

func connect(t *testing.T, o glance.Options) *glance.Client {
	t.Helper()
	c, err := glance.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inside connects to a cloud that answers inside the process.
func inside(t *testing.T, h http.Handler) *glance.Client {
	t.Helper()
	o := quick("http://cloud.embedded")
	o.Handler = h
	return connect(t, o)
}

// overSocket connects to a cloud behind a socket of 127.0.0.1.
func overSocket(t *testing.T, h http.Handler) *glance.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return connect(t, quick(srv.URL))
}

// content gives n bytes that do not repeat.
func content(seed string, n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", seed, i))
		b.Write(sum[:])
	}
	return b.Bytes()[:n]
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }

func sha512Of(data []byte) string { s := sha512.Sum512(data); return hexOf(s[:]) }

// A memFile is a file to upload that lives in memory.
type memFile struct{ *bytes.Reader }

func (memFile) Close() error { return nil }

// want is an image of this content.
func want(name string, data []byte) glance.Want {
	return glance.Want{
		Name: name, DiskFormat: "qcow2", ContainerFormat: "bare", Visibility: "public",
		Properties: map[string]string{"kernel_id": "3a7f5849-f332-4b5b-a162-4163644e4b5f"},
		Size:       int64(len(data)), SHA512: sha512Of(data),
		Sum: func(_ context.Context, algo string) (string, error) {
			switch algo {
			case "md5":
				s := md5.Sum(data)
				return hexOf(s[:]), nil
			case "sha256":
				s := sha256.Sum256(data)
				return hexOf(s[:]), nil
			}
			return "", fmt.Errorf("asked for %s", algo)
		},
		Open: func() (glance.File, error) { return memFile{bytes.NewReader(data)}, nil },
	}
}

// converge does what is to be done about the want, from what is there now.
func converge(t *testing.T, c *glance.Client, w glance.Want) (glance.Image, error) {
	t.Helper()
	seen, err := c.List(t.Context(), w.Names()...)
	if err != nil {
		return glance.Image{}, err
	}
	return c.Converge(t.Context(), w, seen)
}

func mustConverge(t *testing.T, c *glance.Client, w glance.Want) glance.Image {
	t.Helper()
	img, err := converge(t, c, w)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// names gives the names of all images of the cloud with their states, sorted;
// the stamp of a backup is cut off.
func names(t *testing.T, c *glance.Client) []string {
	t.Helper()
	all, err := c.ListAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, img := range all {
		name, _, backup := strings.Cut(img.Name, "_2")
		if backup {
			name += "_STAMP"
		}
		got = append(got, name+" "+img.Status)
	}
	slices.Sort(got)
	return got
}

// checkHolds checks that exactly one image has the name, whole and right.
func checkHolds(t *testing.T, c *glance.Client, w glance.Want) {
	t.Helper()
	seen, err := c.List(t.Context(), w.Names()...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := glance.Decide(t.Context(), w, seen)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Done() {
		t.Errorf("cloud does not hold %q as wanted: %+v", w.Name, d)
	}
}

// isData says whether a request sends or asks for an image's data.
func isData(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/file") }

// A hook may answer a request in place of the cloud; it gives false where it
// does not. n counts the uploads of data from 1.
type hook func(w http.ResponseWriter, r *http.Request, n int) bool

// onUpload puts a hook before the uploads of data.
func onUpload(h http.Handler, f hook) http.Handler {
	counts := make(chan int, 1)
	counts <- 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && isData(r) {
			n := <-counts + 1
			counts <- n
			if f(w, r, n) {
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// cut ends a request without an answer.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// drain takes a request's body.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
