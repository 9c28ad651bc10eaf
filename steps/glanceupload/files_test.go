package glanceupload

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A cloud may be set up for any of these.
func TestSumOf(t *testing.T) {
	path := t.TempDir() + "/f"
	steptest.PutFile(t, path, "content")
	s1, s224, s384 := sha1.Sum([]byte("content")), sha256.Sum224([]byte("content")), sha512.Sum384([]byte("content"))
	for algo, want := range map[string]string{
		"sha1": hex.EncodeToString(s1[:]), "sha224": hex.EncodeToString(s224[:]), "sha384": hex.EncodeToString(s384[:]),
		"sha512": steptest.SHA512("content"), "sha256": steptest.SHA256("content"),
	} {
		if got, err := hostfiles.Digest(t.Context(), &runner.Disk{}, path, algo); err != nil || got != want {
			t.Errorf("%s: got %s, %v", algo, got, err)
		}
	}
	if _, err := hostfiles.Digest(t.Context(), &runner.Disk{}, path, "crc32"); err == nil {
		t.Error("an unknown algorithm is taken")
	}
	if _, err := hostfiles.Digest(t.Context(), &runner.Disk{}, path+"x", "sha384"); err == nil {
		t.Error("a file that is not there has a digest")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hostfiles.Digest(ctx, &runner.Disk{}, path, "sha384"); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}
