package glanceupload

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// A keeping is a directory of images that keeps one older one: the overcloud
// image of the second run, and beside it that of the first.
type keeping struct {
	*glanceBench
	prior *runner.Record
	image string
}

func newKeeping(t *testing.T) *keeping {
	t.Helper()
	k := &keeping{glanceBench: directoryBench(t)}
	k.UpdateExisting, k.Keep, k.WholeDisk, k.HTTPBoot = "replace", 1, true, ""
	k.image = k.dir + "/ironic/images/overcloud-full.qcow2"
	k.run(t)
	k.replace(t, "second", 1)
	return k
}

// age gives the image a time of its own, by which it is called afterwards.
func (k *keeping) age(t *testing.T, second int) {
	t.Helper()
	at := time.Date(2021, 10, 15, 14, 12, 10+second, 0, time.UTC)
	if err := os.Chtimes(k.image, at, at); err != nil {
		t.Fatal(err)
	}
}

// replace runs the step with another image.
func (k *keeping) replace(t *testing.T, content string, second int) {
	t.Helper()
	k.age(t, second)
	steptest.PutFile(t, k.dir+"/images/overcloud-full.qcow2", testbed.QCOW2(content))
	k.run(t)
}

// run does what a run does, and remembers it.
func (k *keeping) run(t *testing.T) {
	t.Helper()
	f, err := k.Diff(t.Context(), &runner.Disk{}, k.prior)
	if err != nil {
		t.Fatal(err)
	}
	if f.Change != nil {
		if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := k.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	k.prior = &runner.Record{Outputs: out}
}

const oldest = "overcloud-full_20211015T141211.qcow2"

// A file that nobody placed as it is pushes out no good older one.
func TestGlanceUploadKeepsGoodImagesOfADirectory(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, k *keeping)
		want []string
	}{
		{
			"another image comes", func(t *testing.T, k *keeping) { k.replace(t, "third", 2) },
			[]string{"overcloud-full.qcow2", "overcloud-full_20211015T141212.qcow2"},
		},
		{"the image is damaged", func(t *testing.T, k *keeping) {
			steptest.PutFile(t, k.image, "junk")
			k.age(t, 2)
			k.run(t)
			k.run(t)
		}, []string{"overcloud-full.qcow2", oldest, "overcloud-full_20211015T141212-unrecorded.qcow2"}},
		{"the image is damaged, and another one comes", func(t *testing.T, k *keeping) {
			steptest.PutFile(t, k.image, "junk")
			k.replace(t, "third", 2)
			k.replace(t, "fourth", 3)
		}, []string{"overcloud-full.qcow2", "overcloud-full_20211015T141212-unrecorded.qcow2", "overcloud-full_20211015T141213.qcow2"}},
		{"nothing is remembered", func(t *testing.T, k *keeping) {
			k.prior = nil
			k.replace(t, "third", 2)
		}, []string{"overcloud-full.qcow2", oldest, "overcloud-full_20211015T141212-unrecorded.qcow2"}},
		{"a run was stopped", func(t *testing.T, k *keeping) {
			k.age(t, 2)
			if err := os.Link(k.image, k.dir+"/ironic/images/overcloud-full_20211015T141212.qcow2"); err != nil {
				t.Fatal(err)
			}
			k.replace(t, "third", 2)
		}, []string{"overcloud-full.qcow2", "overcloud-full_20211015T141212.qcow2"}},
		{"none is kept", func(t *testing.T, k *keeping) {
			k.Keep = 0
			steptest.PutFile(t, k.image, "junk")
			k.run(t)
		}, []string{"overcloud-full.qcow2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newKeeping(t)
			tc.do(t, k)
			got := dirNames(t, k.dir+"/ironic/images")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if steptest.ReadFile(t, k.image) != steptest.ReadFile(t, k.dir+"/images/overcloud-full.qcow2") {
				t.Error("the image is another")
			}
			if _, err := k.Verify(t.Context(), (&runner.Disk{}).Hard()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is replaced says what becomes of it, and older ones that may stay are
// nothing that verify complains of.
func TestGlanceUploadTellsOfDamageInADirectory(t *testing.T) {
	k := newKeeping(t)
	steptest.PutFile(t, k.image, "junk")
	k.age(t, 2)
	f, err := k.Diff(t.Context(), &runner.Disk{}, k.prior)
	if err != nil {
		t.Fatal(err)
	}
	want := "its content differs, also from what the last run recorded; it becomes overcloud-full_20211015T141212-unrecorded.qcow2, which keep does not count"
	if len(f.Change.Items) != 1 || f.Change.Items[0].Note != want {
		t.Errorf("items %+v, want one with %q", f.Change.Items, want)
	}
	_, err = k.Verify(t.Context(), (&runner.Disk{}).Hard())
	if err == nil || strings.Contains(err.Error(), "an older one") || !strings.Contains(err.Error(), "its content differs") {
		t.Errorf("got error %v", err)
	}
	k.Keep = 0
	if _, err := k.Verify(t.Context(), (&runner.Disk{}).Hard()); err == nil || !strings.Contains(err.Error(), "an older one is still there: overcloud-full_20211015T141211") {
		t.Errorf("got error %v", err)
	}
}
