package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/archive"
)

// listEnv makes the test binary a process that lists an archive and prints how
// much memory that took.
const listEnv = "BAYPLAN_TEST_LIST"

func childList(from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = archive.List(context.Background(), f, archive.Options{})
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println(m.Sys, err)
	return nil
}

// mostMemory is how much memory a bomb may make bayplan use.
const mostMemory = 200 << 20

// The default limits stop bombs before they take much memory.
func TestLargeBombsTakeLittleMemory(t *testing.T) {
	head := file("a", "").bytes()
	copy(head[124:136], "\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00") // 4 GiB
	head, zeros := fixChecksum(head), make([]byte, 16<<20)
	xzZeros := xzip(t, xz.WriterConfig{}, zeros)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"gzip", append(gz(head), bytes.Repeat(gz(zeros), 128)...), "limit"},
		{"zstd", append(zst(t, head), bytes.Repeat(zst(t, zeros), 128)...), "limit"},
		{"zstd with the largest window", zstdZeros(head, 17, 3000), "limit"},
		{"zstd with a window of 1 GiB", zstdZeros(head, 20, 3000), "zstd"},
		{"xz", append(xzip(t, xz.WriterConfig{}, head), bytes.Repeat(xzZeros, 24)...), "limit"},
		{"xz with a dictionary of 4 GiB", laterBlock(t, tarball(file("good", "fine"))), "limit"},
		{"sparse 1 TiB", tarball(pax('x', map[string]string{
			"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "big", "GNU.sparse.realsize": "1099511627776",
		}), file("big", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x")), "sparse"},
		{"entries", manyEntries(200_000), "limit"},
		{"deep", tarball(longName(strings.Repeat("d/", 2500)+"f"), file("a", "x")), "limit"},
		{"extended header", tarball(pax('x', map[string]string{"comment": strings.Repeat("c", 2<<20)}), file("a", "x")), "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from := filepath.Join(t.TempDir(), "bomb")
			writeFile(t, from, string(tt.data))
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), listEnv+"="+from)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var memory int64
			if _, err := fmt.Sscan(string(out), &memory); err != nil {
				t.Fatalf("%v in %q", err, out)
			}
			if !strings.Contains(string(out), tt.want) {
				t.Errorf("it ended with %q, want %q", out, tt.want)
			}
			if memory > mostMemory {
				t.Errorf("it took %d MiB", memory>>20)
			}
			t.Logf("%d bytes packed took %d MiB", len(tt.data), memory>>20)
		})
	}
}

// zstdZeros makes a frame with a window of 2 to the 10+exp, of some bytes and
// then blocks of 128 KiB of zeros.
func zstdZeros(head []byte, exp byte, blocks int) []byte {
	block := func(kind, size int) []byte {
		h := kind<<1 | size<<3
		return []byte{byte(h), byte(h >> 8), byte(h >> 16)}
	}
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, exp << 3}
	frame = append(append(frame, block(0, len(head))...), head...)
	return append(frame, bytes.Repeat(append(block(1, 128<<10), 0), blocks)...)
}
