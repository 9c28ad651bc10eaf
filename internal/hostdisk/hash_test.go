package hostdisk

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHashAllInPieces(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 200_000) // more than one buffer
	all := []Algo{MD5, SHA256, SHA512, MD5}
	got, err := Hash(t.Context(), iotest.HalfReader(strings.NewReader(content)), all)
	must(t, err)
	for _, algo := range all {
		if got[algo] != digest(t, algo, content) {
			t.Errorf("%s = %s", algo, got[algo])
		}
	}
	if len(got) != 3 {
		t.Errorf("%d digests", len(got))
	}
}

func TestHashAllOfWhatCannotBeRead(t *testing.T) {
	boom := errors.New("input/output error")
	r := io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), iotest.ErrReader(boom))
	if _, err := Hash(t.Context(), r, []Algo{MD5, SHA512}); !errors.Is(err, boom) {
		t.Errorf("error %v, want %v", err, boom)
	}
}
