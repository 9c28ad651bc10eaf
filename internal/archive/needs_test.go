package archive_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/bayplan/bayplan/internal/archive"
)

// A stream that takes something else to be unpacked is not damaged.
func TestStreamsThatNeedMore(t *testing.T) {
	tar := tarball(file("a", strings.Repeat("some text ", 1<<10)))
	var withDictionary bytes.Buffer
	w, err := zstd.NewWriter(&withDictionary, zstd.WithEncoderDictRaw(7, bytes.Repeat([]byte("some text "), 100)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(tar); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The headers of a stream and of a block with the filter for ARM64 before LZMA2, as xz
	// --arm64 --lzma2 writes them.
	filter := "\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x01\x0a\x00\x21\x01\x16\x00\x7d\xe7\x3f\x25"
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"a dictionary": {withDictionary.Bytes(), "zstd: to unpack it takes a dictionary that is in another file (zstd -D)"},
		"a filter":     {[]byte(filter + strings.Repeat("\x00", 16)), "xz: to unpack it takes a filter that bayplan does not have"},
	} {
		_, err := extract(t, t.TempDir(), tt.data, archive.Extraction{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: got error %v, want %q", name, err, tt.want)
		}
	}
}
