package registry

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/pieces"
)

// childArchive tells the test binary that it is to be killed.
const childArchive = "BAYPLAN_TEST_ARCHIVE"

// childSplit is the size of the pieces that it writes.
const childSplit = "BAYPLAN_TEST_SPLIT"

// inPieces makes a client write an archive in pieces of so many bytes, "" for one file.
func inPieces(t *testing.T, c *Client, path, split string) {
	t.Helper()
	n, _ := strconv.ParseInt(split, 10, 64)
	if err := c.Layout(path).SetForm(ocilayout.Form{Split: n}); err != nil {
		t.Fatal(err)
	}
}

// joined gives an archive as one file.
func joined(t *testing.T, path string) string {
	t.Helper()
	row, err := pieces.Look(path)
	if err != nil || row == nil || !row.Split {
		return path
	}
	f, err := row.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := make([]byte, row.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "whole.tar")
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return whole
}

// TestTarKilledChild fills an archive until it is killed. It is run by TestLargeTarKilled.
func TestTarKilledChild(t *testing.T) {
	path := os.Getenv(childArchive)
	if path == "" {
		return
	}
	src, _, c := pair(t)
	images, _ := src.set(t)
	inPieces(t, c, path, os.Getenv(childSplit))
	fmt.Println("ready")
	execute(t, c, toLayout(images, path))
}

// Whenever a run is killed, the archive is whole, and each run goes on where
// the one before it was killed.
func TestLargeTarKilled(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first int    // images that the archive has before
		split string // bytes of a piece
	}{{"no archive yet", 0, ""}, {"an archive to add to", 20, ""}, {"no pieces yet", 0, "16384"}, {"pieces to add to", 20, "16384"}} {
		t.Run(tt.name, func(t *testing.T) {
			src, _, c := pair(t)
			images, _ := src.set(t)
			path := filepath.Join(t.TempDir(), "media.tar")
			inPieces(t, c, path, tt.split)
			if tt.first > 0 {
				execute(t, c, toLayout(images[:tt.first], path))
			}
			all, last := toLayout(images, path), setBlobs+1
			for i := range 7 {
				killChild(t, path, tt.split, time.Duration(8*i)*time.Millisecond)
				if err := c.Layout(path).Present(); err == nil {
					sound(t, joined(t, path))
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
			inPieces(t, c, path, tt.split)
			src.reset()
			execute(t, c, all)
			if src.rest(); src.counts["GET blobs"] != last {
				t.Errorf("%v, want %d blobs", src.counts, last)
			}
			if blobs, names := sound(t, joined(t, path)); blobs != setBlobs+setImages || len(names) != setImages {
				t.Errorf("%d blobs, %d names", blobs, len(names))
			}
			mirrored(t, c, all)
			if err := c.Layout(path).Seal(t.Context()); err != nil {
				t.Error(err)
			}
			table, _, row, err := pieces.Files(path)
			if err != nil {
				t.Fatal(err)
			}
			if (tt.split != "") != (len(table) > 1) || len(row.Paths) < len(table) {
				t.Errorf("the table has %d pieces of %d files", len(table), len(row.Paths))
			}
		})
	}
}

func killChild(t *testing.T, path, split string, after time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTarKilledChild$")
	child.Env = append(os.Environ(), childArchive+"="+path, childSplit+"="+split)
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
