package glance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/transport"
)

// A mortal transport dies with its n-th request: that one, before or after it
// did its work, and all later ones fail, as those of a killed process do.
type mortal struct {
	base  http.RoundTripper
	lives atomic.Int64
	after bool // the last request does its work, and its answer is lost
}

var errDead = errors.New("dead")

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	left := m.lives.Add(-1)
	if left < 0 && (left < -1 || !m.after) {
		return nil, errDead
	}
	resp, err := m.base.RoundTrip(r)
	if left < 0 && err == nil {
		resp.Body.Close()
		return nil, errDead
	}
	return resp, err
}

// mortalClient gives a client that dies with its n-th request after it has
// logged in.
func mortalClient(t *testing.T, h http.Handler, n int, after bool) *glance.Client {
	t.Helper()
	base, err := transport.New([]transport.Endpoint{{Host: "cloud.embedded", Handler: h}})
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{base: base, after: after}
	m.lives.Store(1000)
	o := quick("http://cloud.embedded")
	o.Transport = m
	c := connect(t, o)
	m.lives.Store(int64(n))
	return c
}

// Wherever a run dies, the next one ends where an undisturbed one does, and
// meanwhile nobody finds two images of the name or one that is not whole.
func TestConvergeAfterADeathAtAnyRequest(t *testing.T) {
	data := content("new", 100_000)
	stale := want(name, data)
	stale.Properties = map[string]string{"kernel_id": "40759dfb-3ae2-479e-9eb0-8efdb779714a"}
	for _, tc := range []struct {
		name   string
		before func(t *testing.T, c *glance.Client)
		want   []string
	}{
		{"first upload", func(*testing.T, *glance.Client) {}, []string{name + " active"}},
		{"replacement", func(t *testing.T, c *glance.Client) {
			mustConverge(t, c, want(name, content("old", 1000)))
		}, []string{name + " active", name + "_STAMP active"}},
		{"repair", func(t *testing.T, c *glance.Client) { mustConverge(t, c, stale) }, []string{name + " active"}},
		{"after leftovers", func(t *testing.T, c *glance.Client) {
			mustCreate(t, c, glance.Image{Name: want(name, nil).StagingName(), Properties: map[string]string{glance.Marker: "sha512:beef"}})
			mustCreate(t, c, glance.Image{
				Name: want(name, nil).StagingName(), Visibility: "public", DiskFormat: "qcow2", ContainerFormat: "bare",
				Properties: map[string]string{glance.Marker: "sha512:" + sha512Of(data)},
			})
		}, []string{name + " active"}},
		{"beside a foreign record", func(t *testing.T, c *glance.Client) {
			mustCreate(t, c, glance.Image{Name: name})
		}, []string{name + " active", name + "_STAMP queued"}},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/answer lost %v", tc.name, after), func(t *testing.T) {
				for n, done := 0, false; !done; n++ {
					if n > 40 {
						t.Fatal("never gets through")
					}
					emb := newCloud(t)
					healthy := inside(t, emb)
					tc.before(t, healthy)
					w := want(name, data)
					_, err := converge(t, mortalClient(t, emb, n, after), w)
					done = err == nil
					checkUnambiguous(t, healthy)
					mustConverge(t, healthy, w)
					checkHolds(t, healthy, w)
					if diff := cmp.Diff(tc.want, names(t, healthy)); diff != "" {
						t.Errorf("after a death at request %d, images (-want +got):\n%s", n, diff)
					}
				}
			})
		}
	}
}

// checkUnambiguous checks that no two active images have one plain name.
func checkUnambiguous(t *testing.T, c *glance.Client) {
	t.Helper()
	if all := strings.Join(names(t, c), "\n") + "\n"; strings.Count(all, name+" active\n") > 1 {
		t.Errorf("ambiguous:\n%s", all)
	}
}

func mustCreate(t *testing.T, c *glance.Client, img glance.Image) glance.Image {
	t.Helper()
	made, err := c.Create(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// An upload that was interrupted is gone on with: its record is used, and
// data that are there already are not sent again.
func TestConvergeGoesOn(t *testing.T) {
	data := content("new", 5000)
	w := want(name, data)
	emb := newCloud(t)
	c := inside(t, emb)
	rec := mustCreate(t, c, glance.Image{
		Name: w.StagingName(), Visibility: "public", DiskFormat: "qcow2", ContainerFormat: "bare",
		Properties: map[string]string{glance.Marker: "sha512:" + w.SHA512, "kernel_id": "40759dfb-3ae2-479e-9eb0-8efdb779714a"},
	})
	if img := mustConverge(t, c, w); img.ID != rec.ID {
		t.Errorf("record %s was not used, %s was made", rec.ID, img.ID)
	}
	checkHolds(t, c, w)

	if err := c.Rename(t.Context(), rec.ID, w.StagingName()); err != nil {
		t.Fatal(err)
	}
	w.OnSent = func(int64) { t.Error("data were sent again") }
	if img := mustConverge(t, c, w); img.ID != rec.ID {
		t.Errorf("image %s was not used, %s was made", rec.ID, img.ID)
	}
	checkHolds(t, c, w)
}

// A run that is stopped while the cloud makes a record takes it away again.
func TestConvergeStoppedWhileARecordIsMade(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cloud := newCloud(t)
	c := inside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/images") {
			cancel()
		}
		cloud.ServeHTTP(w, r)
	}))
	w := want("overcloud-full", content("new", 100))
	if _, err := c.Converge(ctx, w, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	left, err := c.List(t.Context(), w.Names()...)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestConvergeReplaces(t *testing.T) {
	c := inside(t, newCloud(t))
	old := mustConverge(t, c, want(name, content("old", 1000)))
	w := want(name, content("new", 1000))
	img := mustConverge(t, c, w)
	if img.ID == old.ID {
		t.Error("the id is still that of the old image")
	}
	backup, err := c.Get(t.Context(), old.ID)
	if err != nil {
		t.Fatal(err)
	}
	if backup.Name != glance.Backup(old) || backup.Status != glance.Active {
		t.Errorf("the old image is %q and %s, want %q", backup.Name, backup.Status, glance.Backup(old))
	}
}

func TestConvergeRepairs(t *testing.T) {
	c := inside(t, newCloud(t))
	w := want(name, content("new", 1000))
	img := mustConverge(t, c, w)
	if err := c.SetVisibility(t.Context(), img.ID, "private"); err != nil {
		t.Fatal(err)
	}
	w.Properties = map[string]string{"kernel_id": "40759dfb-3ae2-479e-9eb0-8efdb779714a", "ramdisk_id": "ac09c978-50ea-4144-b2ee-a59c72806a41"}
	w.OnSent = func(int64) { t.Error("data were sent") }
	if again := mustConverge(t, c, w); again.ID != img.ID {
		t.Errorf("image %s became %s", img.ID, again.ID)
	}
	checkHolds(t, c, w)
}

// The error of opening the file comes before anything is made.
func TestConvergeWithoutFile(t *testing.T) {
	c := inside(t, newCloud(t))
	w := want(name, nil)
	w.Open = func() (glance.File, error) { return nil, errors.New("no such file") }
	if _, err := converge(t, c, w); err == nil {
		t.Error("no error")
	}
	if got := names(t, c); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}
