package archive_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/internal/archive"
)

// Whatever a killed run left, no file of an archive gets its name if the archive has
// another digest than the plan gives.
func TestResumeHoldsTheDigest(t *testing.T) {
	sum := sha256.Sum256(twoFiles)
	for name, stop := range map[string]func(x *archive.Extraction, now func()){
		"no file has its name":  beforeFirst,
		"one file has its name": afterFirst,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, dest := scene(t)
			extractKilled(t, dest, twoFiles, stop)
			other := tarball(file("a", "FIRST"), file("b", "second"), dir("d"))
			x := archive.Extraction{Key: "key", Options: archive.Options{SHA256: hex.EncodeToString(sum[:])}}
			var wrong *archive.DigestError
			if _, err := extract(t, dest, other, x); err == nil {
				t.Error("no error")
			} else if stop := name == "one file has its name"; stop && !errors.As(err, &wrong) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(filepath.Join(dest, "b")); err == nil {
				t.Error("a file got its name")
			}
			if _, err := extract(t, dest, twoFiles, x); err != nil {
				t.Error(err)
			}
			if a, b := readFile(t, filepath.Join(dest, "a")), readFile(t, filepath.Join(dest, "b")); a != "first" || b != "second" {
				t.Errorf("%q and %q", a, b)
			}
		})
	}
	t.Run("the digest is right", func(t *testing.T) {
		_, _, dest := scene(t)
		extractKilled(t, dest, twoFiles, afterFirst)
		wrote := int64(0)
		x := archive.Extraction{
			Key: "key", Options: archive.Options{SHA256: hex.EncodeToString(sum[:])},
			Moved: func(n int64) { wrote += n },
		}
		if _, err := extract(t, dest, twoFiles, x); err != nil || wrote > 0 {
			t.Errorf("%v, and %d bytes were written again", err, wrote)
		}
	})
}
