package registry

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// childArchive tells the test binary that it is to be killed.
const childArchive = "BAYPLAN_TEST_ARCHIVE"

// TestTarKilledChild fills an archive until it is killed. It is run by TestLargeTarKilled.
func TestTarKilledChild(t *testing.T) {
	path := os.Getenv(childArchive)
	if path == "" {
		return
	}
	src, _, c := pair(t)
	images, _ := src.set(t)
	fmt.Println("ready")
	execute(t, c, toLayout(images, path))
}

// Whenever a run is killed, the archive is whole, and each run goes on where
// the one before it was killed.
func TestLargeTarKilled(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first int // images that the archive has before
	}{{"no archive yet", 0}, {"an archive to add to", 20}} {
		t.Run(tt.name, func(t *testing.T) {
			src, _, c := pair(t)
			images, _ := src.set(t)
			path := filepath.Join(t.TempDir(), "media.tar")
			if tt.first > 0 {
				execute(t, c, toLayout(images[:tt.first], path))
			}
			all, last := toLayout(images, path), setBlobs+1
			for i := range 7 {
				killChild(t, path, time.Duration(8*i)*time.Millisecond)
				if _, err := os.Stat(path); err == nil {
					sound(t, path)
				} else if tt.first > 0 {
					t.Fatal(err)
				}
				sum := plan(t, newClient(t, Host{Name: srcHost, Handler: src}), all).Summary()
				if sum.Blobs > last {
					t.Errorf("%d blobs are to be pulled after it was %d", sum.Blobs, last)
				}
				last = sum.Blobs
			}
			t.Logf("%d blobs are missing after the kills", last)
			c = newClient(t, Host{Name: srcHost, Handler: src})
			src.reset()
			execute(t, c, all)
			if src.rest(); src.counts["GET blobs"] != last {
				t.Errorf("%v, want %d blobs", src.counts, last)
			}
			if blobs, names := sound(t, path); blobs != setBlobs+setImages || len(names) != setImages {
				t.Errorf("%d blobs, %d names", blobs, len(names))
			}
			mirrored(t, c, all)
		})
	}
}

func killChild(t *testing.T, path string, after time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTarKilledChild$")
	child.Env = append(os.Environ(), childArchive+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Error(err)
	}
	timer := time.NewTimer(after)
	<-timer.C
	_ = child.Process.Kill()
	_ = child.Wait() // it was killed
}
