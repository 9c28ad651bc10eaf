package cloudserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

// open opens a cloud and closes it at the end of the test.
func open(t *testing.T, conf cloudserver.Config) *cloudserver.Cloud {
	t.Helper()
	c, err := cloudserver.New(conf)
	if err != nil {
		t.Fatalf("opening the cloud: %v", err)
	}
	t.Cleanup(func() { closeIt(t, c) })
	return c
}

func closeIt(t *testing.T, c *cloudserver.Cloud) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("closing the cloud: %v", err)
	}
}

func authOptions(url string) gophercloud.AuthOptions {
	return gophercloud.AuthOptions{
		IdentityEndpoint: url, Username: cloudserver.DefaultUser, Password: cloudserver.DefaultPassword,
		DomainName: "Default", TenantName: cloudserver.DefaultProject, AllowReauth: true,
	}
}

// serve serves h on a port and logs in.
func serve(t *testing.T, h http.Handler) *gophercloud.ServiceClient {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return login(t, srv.URL)
}

func login(t *testing.T, url string) *gophercloud.ServiceClient {
	t.Helper()
	pc, err := openstack.AuthenticatedClient(t.Context(), authOptions(url))
	if err != nil {
		t.Fatalf("logging in: %v", err)
	}
	sc, err := openstack.NewImageV2(pc, gophercloud.EndpointOpts{Region: cloudserver.DefaultRegion})
	if err != nil {
		t.Fatalf("finding the image service: %v", err)
	}
	return sc
}

func create(t *testing.T, sc *gophercloud.ServiceClient, opts images.CreateOpts) *images.Image {
	t.Helper()
	if opts.DiskFormat == "" {
		opts.DiskFormat, opts.ContainerFormat = "raw", "bare"
	}
	i, err := images.Create(t.Context(), sc, opts).Extract()
	if err != nil {
		t.Fatalf("creating image %q: %v", opts.Name, err)
	}
	return i
}

func upload(t *testing.T, sc *gophercloud.ServiceClient, id, data string) {
	t.Helper()
	if err := imagedata.Upload(t.Context(), sc, id, strings.NewReader(data)).ExtractErr(); err != nil {
		t.Fatalf("uploading: %v", err)
	}
}

func show(t *testing.T, sc *gophercloud.ServiceClient, id string) *images.Image {
	t.Helper()
	i, err := images.Get(t.Context(), sc, id).Extract()
	if err != nil {
		t.Fatalf("looking at image %q: %v", id, err)
	}
	return i
}

func download(t *testing.T, sc *gophercloud.ServiceClient, id string) string {
	t.Helper()
	r, err := imagedata.Download(t.Context(), sc, id).Extract()
	if err != nil {
		t.Fatalf("downloading: %v", err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("downloading: %v", err)
	}
	return string(data)
}

func list(t *testing.T, sc *gophercloud.ServiceClient, opts images.ListOpts) []string {
	t.Helper()
	pages, err := images.List(sc, opts).AllPages(t.Context())
	if err != nil {
		t.Fatalf("listing: %v", err)
	}
	all, err := images.ExtractImages(pages)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// stepClock returns a clock that is one second later at each call.
func stepClock() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(1530057600+n.Add(1), 0) }
}

// storages runs a test with both kinds of storage.
func storages(t *testing.T, test func(t *testing.T, conf cloudserver.Config)) {
	t.Run("memory", func(t *testing.T) { test(t, cloudserver.Config{}) })
	t.Run("directory", func(t *testing.T) { test(t, cloudserver.Config{Dir: t.TempDir()}) })
}

// sums of "hello"
const (
	helloMD5    = "5d41402abc4b2a76b9719d911017c592"
	helloSHA512 = "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"
)

func TestLifeOfAnImage(t *testing.T) {
	storages(t, func(t *testing.T, conf cloudserver.Config) {
		sc := serve(t, open(t, conf))
		public := images.ImageVisibilityPublic
		kernel := create(t, sc, images.CreateOpts{Name: "overcloud-full-vmlinuz", DiskFormat: "aki", ContainerFormat: "bare", Visibility: &public})
		i := create(t, sc, images.CreateOpts{
			Name: "overcloud-full", DiskFormat: "qcow2", ContainerFormat: "bare", Visibility: &public,
			Tags: []string{"b", "a"}, Properties: map[string]string{"kernel_id": kernel.ID, "hw_architecture": "x86_64"},
		})
		if i.Status != images.ImageStatusQueued || i.SizeBytes != 0 {
			t.Errorf("a new image is %s and has %d bytes", i.Status, i.SizeBytes)
		}
		upload(t, sc, i.ID, "hello")
		i = show(t, sc, i.ID)
		got := []any{i.Name, i.Status, i.Visibility, i.SizeBytes, i.Checksum, i.Tags, i.DiskFormat, i.ContainerFormat, i.VirtualSize}
		want := []any{"overcloud-full", images.ImageStatusActive, public, int64(5), helloMD5, []string{"a", "b"}, "qcow2", "bare", int64(0)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the image (-want +got):\n%s", diff)
		}
		wantProps := map[string]any{
			"kernel_id": kernel.ID, "hw_architecture": "x86_64", "os_hash_algo": "sha512", "os_hash_value": helloSHA512, "stores": "fs",
		}
		if diff := cmp.Diff(wantProps, i.Properties); diff != "" {
			t.Errorf("its properties (-want +got):\n%s", diff)
		}
		if got := download(t, sc, i.ID); got != "hello" {
			t.Errorf("the data came back as %q", got)
		}
		_, err := images.Update(t.Context(), sc, i.ID, images.UpdateOpts{
			images.ReplaceImageName{NewName: "overcloud-full_20180627T000000"},
			images.UpdateImageProperty{Op: images.AddOp, Name: "note", Value: "1"},
			images.UpdateImageProperty{Op: images.ReplaceOp, Name: "hw_architecture", Value: "ppc64le"},
			images.UpdateImageProperty{Op: images.RemoveOp, Name: "kernel_id"},
		}).Extract()
		if err != nil {
			t.Fatalf("updating: %v", err)
		}
		if diff := cmp.Diff([]string{"overcloud-full_20180627T000000"}, list(t, sc, images.ListOpts{Tags: []string{"a"}})); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
		if err := images.Delete(t.Context(), sc, i.ID).ExtractErr(); err != nil {
			t.Fatalf("deleting: %v", err)
		}
		if err := images.Get(t.Context(), sc, i.ID).Err; !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			t.Errorf("looking at a deleted image: %v", err)
		}
		again := images.CreateOpts{Name: "again", ID: i.ID}
		if err := images.Create(t.Context(), sc, again).Err; !gophercloud.ResponseCodeIs(err, http.StatusConflict) {
			t.Errorf("creating a deleted id: %v", err)
		}
	})
}

func TestPages(t *testing.T) {
	sc := serve(t, open(t, cloudserver.Config{Now: stepClock()}))
	want := []string{}
	for n := range 7 {
		name := fmt.Sprintf("image%d", n)
		create(t, sc, images.CreateOpts{Name: name})
		want = append([]string{name}, want...)
	}
	for _, limit := range []int{0, 1, 2, 3, 6, 7, 8} {
		if diff := cmp.Diff(want, list(t, sc, images.ListOpts{Limit: limit})); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	if diff := cmp.Diff([]string{"image3", "image5"}, list(t, sc, images.ListOpts{Name: "in:image5,image3", Sort: "name:asc", Limit: 1})); diff != "" {
		t.Errorf("sorted (-want +got):\n%s", diff)
	}
}

// A token that expires does not end an upload, and the next request renews it.
func TestExpiredToken(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	expire := func() { ahead.Add(int64(2 * cloudserver.DefaultTokenTTL)) }
	c := open(t, cloudserver.Config{Now: now})
	var once sync.Once
	sc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			r.Body = &hookReader{r.Body, func() { once.Do(expire) }}
		}
		c.ServeHTTP(w, r)
	}))
	i := create(t, sc, images.CreateOpts{Name: "a"})
	old := sc.Token()
	upload(t, sc, i.ID, "hello")
	if sc.Token() != old {
		t.Error("a token that ended during an upload was renewed for it")
	}
	if got := show(t, sc, i.ID); got.Checksum != helloMD5 {
		t.Errorf("the data are %s", got.Checksum)
	}
	if sc.Token() == old {
		t.Error("the token was not renewed")
	}
	// At the start of an upload the answer is 401, and a body that can seek is sent again from its start.
	i = create(t, sc, images.CreateOpts{Name: "b"})
	expire()
	upload(t, sc, i.ID, "hello")
	if got := show(t, sc, i.ID); got.Checksum != helloMD5 {
		t.Errorf("the data are %s", got.Checksum)
	}
}

// A hookReader calls hook at its end.
type hookReader struct {
	io.ReadCloser
	hook func()
}

func (h *hookReader) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		h.hook()
	}
	return n, err
}

func TestWrongLogin(t *testing.T) {
	srv := httptest.NewServer(open(t, cloudserver.Config{}))
	defer srv.Close()
	for name, change := range map[string]func(*gophercloud.AuthOptions){
		"password": func(o *gophercloud.AuthOptions) { o.Password = "wrong" },
		"user":     func(o *gophercloud.AuthOptions) { o.Username = "nobody" },
		"domain":   func(o *gophercloud.AuthOptions) { o.DomainName = "other" },
		"project":  func(o *gophercloud.AuthOptions) { o.TenantName = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			ao := authOptions(srv.URL + "/v3")
			change(&ao)
			_, err := openstack.AuthenticatedClient(t.Context(), ao)
			if !gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) {
				t.Errorf("got %v, want 401", err)
			}
		})
	}
}

func TestEndpointFollowsTheCaller(t *testing.T) {
	c := open(t, cloudserver.Config{})
	tls := httptest.NewTLSServer(c)
	defer tls.Close()
	for name, tc := range map[string]struct{ host, scheme, want string }{
		"by port":          {"127.0.0.1:5000", "", "http://127.0.0.1:5000/image"},
		"by name":          {"undercloud.example.com", "", "http://undercloud.example.com/image"},
		"without a socket": {"undercloud", "https", "https://undercloud/image"},
	} {
		t.Run(name, func(t *testing.T) {
			req := tokenRequest(t, "http://x/v3/auth/tokens", loginBody)
			req.Host, req.URL.Scheme = tc.host, tc.scheme
			w := httptest.NewRecorder()
			c.ServeHTTP(w, req)
			if got := w.Body.String(); !strings.Contains(got, `"`+tc.want+`"`) {
				t.Errorf("the catalog says %s, want %s", got, tc.want)
			}
		})
	}
	resp, err := tls.Client().Post(tls.URL+"/v3/auth/tokens", "application/json", strings.NewReader(loginBody))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); !bytes.Contains(got, []byte(tls.URL+"/image")) {
		t.Errorf("over TLS the catalog says %s", got)
	}
}

const loginBody = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"bayplan"}}},
	"scope":{"project":{"name":"admin","domain":{"name":"Default"}}}}}`

func tokenRequest(t *testing.T, url, body string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
}

// token logs in to c without a socket.
func token(t *testing.T, c http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, tokenRequest(t, "http://cloud/v3/auth/tokens", loginBody))
	if w.Code != http.StatusCreated {
		t.Fatalf("logging in: %d %s", w.Code, w.Body)
	}
	return w.Header().Get("X-Subject-Token")
}

// CloudsYAML is enough to log in with any password.
func TestCloudsYAML(t *testing.T) {
	for _, password := range []string{"secret", `a"b\c`, "ä: #{}'", "010", "~"} {
		t.Run(password, func(t *testing.T) {
			c := open(t, cloudserver.Config{User: "stack", Password: password, Project: "under cloud", Region: "north"})
			srv := httptest.NewServer(c)
			defer srv.Close()
			ao, eo, _, err := clouds.Parse(clouds.WithCloudsYAML(strings.NewReader(c.CloudsYAML(srv.URL+"/v3"))), clouds.WithCloudName("bayplan"))
			if err != nil {
				t.Fatal(err)
			}
			pc, err := openstack.AuthenticatedClient(t.Context(), ao)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := openstack.NewImageV2(pc, eo)
			if err != nil {
				t.Fatal(err)
			}
			create(t, sc, images.CreateOpts{Name: "a"})
		})
	}
}

func decodeBody(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("the answer %s: %v", w.Body, err)
	}
	return v
}
