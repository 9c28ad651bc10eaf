package tripleo

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readList(text string) ([]ListedImage, error) {
	return ReadImages(func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }, "images.yaml")
}

func TestReadImages(t *testing.T) {
	got, err := readList(`container_images:
- imagename: registry.access.redhat.com/rhosp13/openstack-base:13.0-40
  push_destination: 192.0.2.1:8787
- image_source: kolla
  imagename: docker.io/ceph/daemon:v3.0
`)
	want := []ListedImage{
		{"registry.access.redhat.com/rhosp13/openstack-base:13.0-40", "192.0.2.1:8787", Place{"images.yaml", 2, 3}},
		{"docker.io/ceph/daemon:v3.0", "", Place{"images.yaml", 4, 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := readList("container_images: []\n"); err != nil || len(got) != 0 {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

func TestReadImagesReadsPlainLists(t *testing.T) {
	got, err := readList("\ufeff# all of them\n\nregistry.access.redhat.com/rhosp13/openstack-base:13.0-40\r\n  docker.io/ceph/daemon:v3.0\t# storage\n#docker.io/ceph/daemon:v2\n")
	want := []ListedImage{
		{"registry.access.redhat.com/rhosp13/openstack-base:13.0-40", "", Place{"images.yaml", 3, 1}},
		{"docker.io/ceph/daemon:v3.0", "", Place{"images.yaml", 4, 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = readList("a.example/b:1\na.example/c:1 a.example/d:1\n")
	if err == nil || !strings.Contains(err.Error(), `images.yaml:2: one image a line is wanted, host/path:tag, this is "a.example/c:1 a.example/d:1"`) {
		t.Errorf("got %v", err)
	}
}

// What the first line is does not decide what a line of a plain list may be: those who
// use the list say what is wrong with a name.
func TestReadImagesTakesAnyNameInAnyLine(t *testing.T) {
	for _, name := range []string{"busybox:1.36", "busybox", "ns/app:1", "localhost/x:1", "quay.io/a@sha256:00"} {
		for _, text := range []string{name + "\n", name + " # first\nquay.io/a/b:1\n", "quay.io/a/b:1\n" + name + "\n"} {
			got, err := readList(text)
			if err != nil || !slices.ContainsFunc(got, func(l ListedImage) bool { return l.Name == name }) {
				t.Errorf("%q: got %v, %v", text, got, err)
			}
		}
	}
	for _, text := range []string{"hello world\n", "a.example/b:1, a.example/c:1\n", "quay.io/a/b:1\n[a]\n"} {
		if _, err := readList(text); err == nil || !strings.Contains(err.Error(), "one image a line is wanted") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestReadImagesReadsWhatIsWritten(t *testing.T) {
	result := Result{Images: []Image{
		{Name: "a.example/b", Tag: "1.10", PushDestination: "[::1]:8787/sub"}, {Name: "a.example/c", Tag: "010"},
	}}
	got, err := readList(string(result.ImagesFile()))
	if err != nil || len(got) != 2 || got[0].Name != "a.example/b:1.10" || got[1].Name != "a.example/c:010" || got[0].PushDestination != "[::1]:8787/sub" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadImagesRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":             {"", "it is empty and names no image"},
		"comments alone":      {"# none\n\n  # yet\n", "it is empty and names no image"},
		"a list of YAML":      {"- quay.io/a/b:1\n", "begins with container_images:, this is a list"},
		"a list":              {"- a\n", "this is a list"},
		"another section":     {"uploads: []\n", `images.yaml:1: an images file holds container_images, not "uploads"`},
		"no list":             {"container_images: x\n", "a list is wanted"},
		"an entry of text":    {"container_images:\n- a\n", "images.yaml:2: container_images: item 1: a mapping with imagename is wanted, this is a single value"},
		"no imagename":        {"container_images:\n- push_destination: a\n", "imagename is missing"},
		"an empty imagename":  {"container_images:\n- imagename:\n", "a name is wanted, this is nothing"},
		"a list of names":     {"container_images:\n- imagename: [a]\n", "this is a list"},
		"an image to modify":  {"container_images:\n- imagename: a\n  modify_role: x\n", `images.yaml:3: container_images: item 1: "modify_role" is not supported`},
		"broken YAML":         {"container_images: [\n", "images.yaml"},
		"a duplicate setting": {"container_images:\n- imagename: a\n  imagename: b\n", "images.yaml:3"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readList(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Names as skopeo wants them are those of images. Who uses the list says what is wrong with them.
func TestReadImagesWithSchemes(t *testing.T) {
	got, err := readList("docker://quay.io/a/b:1\ndocker://quay.io/a/c:1\n")
	if err != nil || len(got) != 2 || got[1].Name != "docker://quay.io/a/c:1" {
		t.Errorf("got %v, %v", got, err)
	}
}

// A relative path of a layout counts from the list.
func TestReadImagesOfLayouts(t *testing.T) {
	for name, want := range map[string]string{
		"oci:media":                     "oci:/lists/media",
		"oci:media:app:1":               "oci:/lists/media:app:1",
		"oci:../media.tar:app@sha256:0": "oci:/media.tar:app@sha256:0",
		"oci:/media:app:1":              "oci:/media:app:1",
		"quay.io/a/oci:1":               "quay.io/a/oci:1",
	} {
		for _, text := range []string{name + "\n", "container_images:\n- imagename: " + strconv.Quote(name) + "\n"} {
			got, err := ReadImages(func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }, "/lists/images.txt")
			if err != nil || len(got) != 1 || got[0].Name != want {
				t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
			}
		}
	}
}
