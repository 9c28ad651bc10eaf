package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/standin"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/runner/steptest"
)

const (
	// CloudName is the only cloud connection that a Cloud has.
	CloudName = "undercloud"
	// CloudPassword is the cloud's password, which no step may show.
	CloudPassword = "correct horse"
)

// A Cloud is an embedded cloud, and a directory with the image files of an overcloud. It
// replaces the cloud connections of a plan.
type Cloud struct {
	Dir string // the files are in its directory images

	// Between wraps the cloud's handler; may be nil.
	Between func(http.Handler) http.Handler
	// RequestsLeft is how many requests are answered before all others fail; nil: any
	// number.
	RequestsLeft *atomic.Int64

	handler http.Handler
}

// NewCloud makes a cloud without images and writes the image files.
func NewCloud(t *testing.T) *Cloud {
	t.Helper()
	server, err := cloudserver.New(cloudserver.Config{Password: CloudPassword})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	c := &Cloud{handler: server, Dir: t.TempDir()}
	for name, content := range OvercloudFiles() {
		steptest.PutFile(t, c.File(name), content)
	}
	return c
}

// File gives the path of an image file.
func (c *Cloud) File(name string) string { return c.Dir + "/images/" + name }

// CloudPlace gives the name: each is a cloud of its own.
func (*Cloud) CloudPlace(name string) string { return name }

// CheckCloud gives an error for every name except CloudName.
func (*Cloud) CheckCloud(name string) error {
	if name != CloudName {
		return fmt.Errorf("there is no cloud %q under connections.clouds", name)
	}
	return nil
}

// Cloud logs in anew for each caller, as each run of bayplan does.
func (c *Cloud) Cloud(ctx context.Context, name string) (*glance.Client, error) {
	h := c.handler
	if c.Between != nil {
		h = c.Between(h)
	}
	base, err := transport.New([]transport.Endpoint{{Host: "embedded.invalid", Handler: h}})
	if err != nil {
		return nil, err
	}
	return glance.Connect(ctx, glance.Options{
		Cloud: name,
		Auth: &gophercloud.AuthOptions{
			IdentityEndpoint: "http://embedded.invalid/v3", Username: cloudserver.DefaultUser, Password: CloudPassword,
			TenantName: cloudserver.DefaultProject, DomainName: "Default",
		},
		Transport: limitedTransport{base, c.RequestsLeft},
		Patience:  50 * time.Millisecond, Pause: time.Millisecond,
	})
}

// A limitedTransport fails all requests after a number of them, as those of a killed
// process fail.
type limitedTransport struct {
	base http.RoundTripper
	left *atomic.Int64
}

func (m limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.left != nil && m.left.Add(-1) < 0 {
		return nil, errors.New("dead")
	}
	return m.base.RoundTrip(r)
}

// Client logs in without Between and RequestsLeft.
func (c *Cloud) Client(t *testing.T) *glance.Client {
	t.Helper()
	client, err := (&Cloud{handler: c.handler}).Cloud(t.Context(), CloudName)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Images gives the images that have one of the names, by name. Two images of one name are
// an error of the test.
func (c *Cloud) Images(t *testing.T, names ...string) map[string]glance.Image {
	t.Helper()
	found, err := c.Client(t).List(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]glance.Image{}
	for _, img := range found {
		if _, two := got[img.Name]; two {
			t.Errorf("two images are named %q", img.Name)
		}
		got[img.Name] = img
	}
	return got
}

// Fill uploads the images of a release from the image files. The overcloud image has the
// ids of its kernel and ramdisk.
func (c *Cloud) Fill(t *testing.T) {
	t.Helper()
	client, ids := c.Client(t), map[string]string{}
	for _, img := range []struct{ name, format, file string }{
		{"overcloud-full-vmlinuz", "aki", "overcloud-full.vmlinuz"},
		{"overcloud-full-initrd", "ari", "overcloud-full.initrd"},
		{"overcloud-full", "qcow2", "overcloud-full.qcow2"},
		{"bm-deploy-kernel", "aki", "ironic-python-agent.kernel"},
		{"bm-deploy-ramdisk", "ari", "ironic-python-agent.initramfs"},
	} {
		content := steptest.ReadFile(t, c.File(img.file))
		want := glance.Want{
			Name: img.name, DiskFormat: img.format, ContainerFormat: "bare", Visibility: "public",
			Size: int64(len(content)), SHA512: steptest.SHA512(content), Properties: map[string]string{},
			Open: func() (glance.File, error) { return os.Open(c.File(img.file)) },
		}
		if img.name == "overcloud-full" {
			want.Properties = map[string]string{"kernel_id": ids["overcloud-full-vmlinuz"], "ramdisk_id": ids["overcloud-full-initrd"]}
		}
		made, err := client.Converge(t.Context(), want, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[img.name] = made.ID
	}
}

// Normalize replaces what differs from run to run in a text: the directory becomes DIR,
// times become STAMP, ids become ID.
func (c *Cloud) Normalize(text string) string {
	words := strings.Fields(strings.ReplaceAll(text, c.Dir, "DIR"))
	for i, w := range words {
		name, stamp, ok := strings.Cut(w, "_")
		if ok && strings.HasPrefix(stamp, "20") && strings.HasSuffix(stamp, "Z") {
			words[i] = name + "_STAMP"
		}
		if len(w) == 36 && strings.Count(w, "-") == 4 {
			words[i] = "ID"
		}
	}
	return strings.Join(words, " ")
}

// OvercloudFiles gives five small image files of an overcloud by name.
func OvercloudFiles() map[string]string {
	return map[string]string{
		"overcloud-full.qcow2":          QCOW2("overcloud"),
		"overcloud-full.vmlinuz":        Kernel("overcloud") + "signed",
		"overcloud-full.initrd":         Ramdisk("overcloud"),
		"ironic-python-agent.kernel":    Kernel("agent"),
		"ironic-python-agent.initramfs": Ramdisk("agent"),
	}
}

// Kernel gives a valid kernel. Its size does not depend on the content.
func Kernel(content string) string { return string(standin.Kernel(content, 8<<10)) }

// Ramdisk gives a valid ramdisk. Its size does not depend on the content.
func Ramdisk(content string) string {
	return string(standin.Initramfs(fmt.Sprintf("%9s", content), 16<<10))
}

// QCOW2 gives a valid disk image. Its size does not depend on the content.
func QCOW2(content string) string {
	b := standin.QCOW2()
	copy(b[len(b)-100:], content)
	return string(b)
}
