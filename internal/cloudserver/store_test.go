package cloudserver_test

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

// wantFiles checks the names in the directory of a cloud.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestRestart(t *testing.T) {
	conf := cloudserver.Config{Dir: t.TempDir(), Now: stepClock()}
	r := rawClient(t, conf)
	r.image(idA, `,"name":"a","a":"1","tags":["x"],"min_ram":5,"protected":true`, "hello")
	r.image(idB, "", "gone")
	r.want(204, "DELETE", "/image/v2/images/"+idB, "", "")
	r.want(200, "POST", "/image/v2/images/"+idA+"/members", "", `{"member":"p"}`)
	before := r.want(200, "GET", "/image/v2/images/"+idA, "", "").Body.String()
	closeIt(t, r.h.(*cloudserver.Cloud))
	wantFiles(t, conf.Dir, idA, idA+".json", idB+".json")

	again := open(t, conf)
	r.h = again
	r.want(401, "GET", "/image/v2/images", "", "") // a token of the earlier process
	r.token = token(t, again)
	if diff := cmp.Diff(before, r.want(200, "GET", "/image/v2/images/"+idA, "", "").Body.String()); diff != "" {
		t.Errorf("the image (-before +after):\n%s", diff)
	}
	if got := r.want(200, "GET", "/image/v2/images/"+idA+"/file", "", "").Body.String(); got != "hello" {
		t.Errorf("the data are %q", got)
	}
	r.want(200, "GET", "/image/v2/images/"+idA+"/members/p", "", "")
	r.want(404, "GET", "/image/v2/images/"+idB, "", "")
	r.want(409, "POST", "/image/v2/images", "", `{"id":"`+idB+`"}`)
}

func TestOneWriter(t *testing.T) {
	conf := cloudserver.Config{Dir: t.TempDir()}
	r := rawClient(t, conf)
	r.image(idA, "", "hello")
	if second, err := cloudserver.New(conf); err == nil {
		closeIt(t, second)
		t.Fatal("two writers have the same directory")
	} else if !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	conf.ReadOnly = true
	reader := rawClient(t, conf)
	if got := reader.want(200, "GET", "/image/v2/images/"+idA+"/file", "", "").Body.String(); got != "hello" {
		t.Errorf("the reader's data are %q", got)
	}
	reader.want(403, "POST", "/image/v2/images", "", "{}")
	reader.want(403, "PUT", "/image/v2/images/"+idA+"/file", octets, "x")
	reader.want(403, "PATCH", "/image/v2/images/"+idA, patch, "[]")
	reader.want(403, "DELETE", "/image/v2/images/"+idA, "", "")
	r.want(204, "DELETE", "/image/v2/images/"+idA, "", "")
}

func TestReadOnlyWithoutDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	r := rawClient(t, cloudserver.Config{Dir: dir, ReadOnly: true})
	if got := r.want(200, "GET", "/image/v2/images", "", "").Body.String(); !strings.Contains(got, `"images":[]`) {
		t.Errorf("got %s", got)
	}
	r.want(403, "POST", "/image/v2/images", "", "{}")
	closeIt(t, r.h.(*cloudserver.Cloud))
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("reading made the directory: %v", err)
	}
}

func TestDamagedDirectory(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(images string) error
		want   string
	}{
		"record that is no JSON": {func(d string) error { return os.WriteFile(filepath.Join(d, idA+".json"), []byte("{"), 0o600) }, "record"},
		"record of another":      {func(d string) error { return os.WriteFile(filepath.Join(d, idA+".json"), []byte(`{"id":"x"}`), 0o600) }, "record"},
		"data cut":               {func(d string) error { return os.Truncate(filepath.Join(d, idA), 3) }, "size"},
		"data gone":              {func(d string) error { return os.Remove(filepath.Join(d, idA)) }, "data of image"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := cloudserver.Config{Dir: t.TempDir()}
			r := rawClient(t, conf)
			r.image(idA, "", "hello")
			closeIt(t, r.h.(*cloudserver.Cloud))
			if err := tc.damage(filepath.Join(conf.Dir, "images")); err != nil {
				t.Fatal(err)
			}
			c, err := cloudserver.New(conf)
			if err == nil {
				closeIt(t, c)
				t.Fatal("the damage was not noticed")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), idA) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDirectoryThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := cloudserver.New(cloudserver.Config{Dir: file}); err == nil {
		closeIt(t, c)
		t.Error("a file is a directory")
	}
}

// A killed process can leave these files, one set for each place of its death.
func TestLeftovers(t *testing.T) {
	conf := cloudserver.Config{Dir: t.TempDir()}
	r := rawClient(t, conf)
	r.image(idA, "")
	r.image(idB, "", "hello")
	closeIt(t, r.h.(*cloudserver.Cloud))
	dir := filepath.Join(conf.Dir, "images")
	for name, text := range map[string]string{
		".tmp-1":       "half of some data",
		idA:            "data that were put in place just before their record",
		"README":       "a file of somebody else's",
		idA + ".jsonx": "another",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r = rawClient(t, conf)
	wantFiles(t, conf.Dir, "README", idA+".json", idA+".jsonx", idB, idB+".json")
	r.want(204, "PUT", "/image/v2/images/"+idA+"/file", octets, "hello")
	r.want(409, "PUT", "/image/v2/images/"+idB+"/file", octets, "hello")
}

// This variable makes the test binary a cloud on a port.
const serveEnv = "BAYPLAN_TEST_SERVE_CLOUD"

func TestMain(m *testing.M) {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	c, err := cloudserver.New(cloudserver.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(httptest.NewServer(c).URL)
	select {} // until it is killed
}

// TestKilled kills a cloud at many places of its work. Confirmed work is kept;
// other work is either complete or has left nothing.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	confirmed := map[string]bool{}
	for round := range 8 {
		confirmed[killedRound(t, dir, round)] = true
		sc := serve(t, openOnce(t, dir))
		pages, err := images.List(sc, images.ListOpts{Limit: 1000}).AllPages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, err := images.ExtractImages(pages)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, i := range all {
			found[i.ID] = true
			checkSurvivor(t, sc, i)
			if confirmed[i.ID] && i.Status != images.ImageStatusActive {
				t.Errorf("round %d: an image that was uploaded is %s", round, i.Status)
			}
		}
		for id := range confirmed {
			if !found[id] {
				t.Errorf("round %d: image %q is gone", round, id)
			}
		}
	}
}

func checkSurvivor(t *testing.T, sc *gophercloud.ServiceClient, i images.Image) {
	t.Helper()
	switch i.Status {
	case images.ImageStatusQueued:
	case images.ImageStatusActive:
		data := download(t, sc, i.ID)
		if int64(len(data)) != i.SizeBytes || strings.Trim(data, i.Name) != "" {
			t.Errorf("an active image has %d bytes of data, and says %d", len(data), i.SizeBytes)
		}
	default:
		t.Errorf("an image is %s", i.Status)
	}
}

// openOnce opens a cloud that must be closed before the next process opens it.
func openOnce(t *testing.T, dir string) *cloudserver.Cloud {
	t.Helper()
	c, err := cloudserver.New(cloudserver.Config{Dir: dir})
	if err != nil {
		t.Fatalf("opening after a kill: %v", err)
	}
	closeIt(t, c)
	c, err = cloudserver.New(cloudserver.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// killedRound runs a cloud as a process, uploads one image, and kills the process
// during more work. It returns the id of the image.
func killedRound(t *testing.T, dir string, round int) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http://") {
		t.Fatalf("the process says %q: %v", line, err)
	}
	sc := login(t, strings.TrimSpace(line))
	first := create(t, sc, images.CreateOpts{Name: "a"})
	upload(t, sc, first.ID, strings.Repeat("a", 1000))
	second := create(t, sc, images.CreateOpts{Name: "b"})
	// The body kills the process when the client has read this much of it.
	body := &killer{left: 1 << 20, at: (round + 1) * 1 << 17, kill: func() { _ = cmd.Process.Kill() }}
	_ = uploadFrom(t, sc, second.ID, body)
	return first.ID
}
