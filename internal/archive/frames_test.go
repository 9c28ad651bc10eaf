package archive_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/archive"
)

// skippable gives a frame that decoders of zstd and lz4 skip.
func skippable(nibble byte, size int) []byte {
	frame := []byte{0x50 | nibble, 0x2a, 0x4d, 0x18}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(size))
	return append(frame, make([]byte, size)...)
}

// An archive of zstd may begin with frames that are skipped, and have more of them
// between its own.
func TestSkippableFrames(t *testing.T) {
	tar := tarball(file("a", "first"), file("b", strings.Repeat("second ", 1000)))
	half := len(tar) / 2
	for name, data := range map[string][]byte{
		"one":                 cat(skippable(0, 4), zst(t, tar)),
		"one without content": cat(skippable(15, 0), zst(t, tar)),
		"several":             cat(skippable(1, 4), skippable(2, 100), zst(t, tar)),
		"before each frame":   cat(skippable(0, 4), zst(t, tar[:half]), skippable(0, 4), zst(t, tar[half:])),
		"a long one":          cat(skippable(0, 100_000), zst(t, tar)),
		"at the end":          cat(zst(t, tar), skippable(0, 4)),
	} {
		t.Run(name, func(t *testing.T) {
			dest := t.TempDir()
			if _, err := extract(t, dest, data, archive.Extraction{}); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dest, "a")); err != nil || string(got) != "first" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// What is no tar archive is called by its name.
func TestOtherFormats(t *testing.T) {
	for name, tc := range map[string]struct{ head, want string }{
		"lz4":                          {"\x04\x22\x4d\x18rest", "an lz4 stream"},
		"lz4 of the kernel":            {"\x02\x21\x4c\x18rest", "an lz4 stream"},
		"lz4 behind a skippable frame": {string(skippable(3, 9)) + "\x04\x22\x4d\x18rest", "an lz4 stream"},
		"lzma":                         {"\x5d\x00\x00\x80\x00rest", "an lzma stream"},
		"lzo":                          {"\x89LZO\x00rest", "an lzo stream"},
		"an empty zip":                 {"PK\x05\x06rest", "a zip archive"},
		"old cpio":                     {"070707rest", "a cpio archive"},
		"RAR":                          {"Rar!\x1a\x07", "a RAR archive"},
		"squashfs":                     {"hsqsrest", "a squashfs file system"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := extract(t, t.TempDir(), []byte(tc.head), archive.Extraction{})
			if err == nil || !strings.Contains(err.Error(), "it is "+tc.want+", not a tar archive") {
				t.Errorf("got error %v", err)
			}
		})
	}
}

// A window that is too large is a limit and no damage, also where the frame announces its
// size instead of a window.
func TestZstdWindow(t *testing.T) {
	tar := tarball(file("a", strings.Repeat("some text ", 1<<18)))
	single := binary.LittleEndian.AppendUint32([]byte("\x28\xb5\x2f\xfd\xa0"), 3<<20) // one segment of 3 MiB
	for name, data := range map[string][]byte{
		"announced by a window": bigWindow(t),
		"announced by a size":   append(single, zst(t, tar)...),
	} {
		_, err := extract(t, t.TempDir(), data, archive.Extraction{Options: archive.Options{Limits: archive.Limits{Window: 1 << 20}}})
		var limit *archive.LimitError
		if !errors.As(err, &limit) || limit.Limit != "Window" || !strings.Contains(err.Error(), "more than 1.0 MiB (its option --long)") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
