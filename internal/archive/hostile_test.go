package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/archive"
)

// canary is the content of the victim's file. It must not appear elsewhere.
const canary = "the victim's own words"

// A hostile archive must be refused with an error that contains want.
type hostile struct {
	name   string
	want   string
	limits archive.Limits
	build  func(victim string) []byte
}

func fixed(b []byte) func(string) []byte { return func(string) []byte { return b } }

// hostileArchives are archives that must be refused. victim is the absolute path
// of a directory beside the destination, which is ../victim from there.
func hostileArchives(t testing.TB) []hostile {
	good := file("good", "fine")
	all := []hostile{
		// names
		{"parent", `".."`, none, fixed(tarball(good, file("../victim/new", "x")))},
		{"parent overwrites", `".."`, none, fixed(tarball(file("../victim/hello", "x")))},
		{"parent in the middle", `".."`, none, fixed(tarball(dir("a"), file("a/../../victim/new", "x")))},
		{"parent behind a dot", `".."`, none, fixed(tarball(file("./../victim/new", "x")))},
		{"parent at the end", `".."`, none, fixed(tarball(file("a/..", "x")))},
		{"parent that comes back", `".."`, none, fixed(tarball(file("a/../b", "x")))},
		{"parent in the prefix field", `".."`, none, fixed(tarball(raw{name: "new", prefix: "../victim", body: "x"}))},
		{"parent without magic", `".."`, none, fixed(tarball(raw{name: "../victim/new", body: "x", v7: true}))},
		{"absolute", "absolute", none, func(v string) []byte { return tarball(file(v+"/new", "x")) }},
		{"sibling whose name begins alike", `".."`, none, fixed(tarball(file("../dest-sibling/new", "x")))},
		{"directory that is the parent", `".."`, none, fixed(tarball(raw{name: "..", flag: '5', mode: 0o777}))},
		{"absolute twice", "absolute", none, func(v string) []byte { return tarball(file("/"+v+"/new", "x")) }},
		{"absolute parent", "absolute", none, fixed(tarball(file("/../victim/new", "x")))},
		{"absolute overwrites", "absolute", none, func(v string) []byte { return tarball(file(v+"/hello", "x")) }},
		{"directory entry changes the victim", `".."`, none, fixed(tarball(raw{name: "../victim", flag: '5', mode: 0o777}))},
		{"absolute directory", "absolute", none, func(v string) []byte { return tarball(dir(v + "/newdir/")) }},
		{"long name", `".."`, none, fixed(tarball(longName("../victim/new"), file("harmless", "x")))},
		{"long name is absolute", "absolute", none, func(v string) []byte { return tarball(longName(v+"/new"), file("harmless", "x")) }},
		{"extended path", `".."`, none, fixed(tarball(pax('x', map[string]string{"path": "../victim/new"}), file("harmless", "x")))},
		{"extended path is absolute", "absolute", none, func(v string) []byte {
			return tarball(pax('x', map[string]string{"path": v + "/new"}), file("harmless", "x"))
		}},
		{"sparse name", "", none, fixed(tarball(pax('x', map[string]string{
			"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "../victim/new", "GNU.sparse.realsize": "1",
		}), file("harmless", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x")))},
		{"NUL in an extended path", "damaged", none, fixed(tarball(pax('x', map[string]string{"path": "a\x00../../victim/new"}), file("harmless", "x")))},
		{"empty name", "no name", none, fixed(tarball(raw{name: "", body: "x"}))},
		{"control characters", "control", none, fixed(tarball(file("a\n\x1b[2Jb", "x")))},
		{"not UTF-8", "UTF-8", none, fixed(tarball(file("a\xff\xfe", "x")))},
		{"name of an unfinished file", "unfinished", none, fixed(tarball(file(".bayplan-part-x.tar-00000000/000000", "x")))},
		{"file that is the root", "directory's name", none, fixed(tarball(file(".", "x")))},
		{"file with a slash", "directory's name", none, fixed(tarball(raw{name: "a/", body: "x"}))},

		// links
		{"link out", "symbolic link", none, fixed(tarball(link("out", "../victim")))},
		{"link out, file through it", "symbolic link", none, fixed(tarball(link("out", "../victim"), file("out/new", "x")))},
		{"absolute link, file through it", "symbolic link", none, func(v string) []byte { return tarball(link("out", v), file("out/new", "x")) }},
		{"link to a file, overwritten", "symbolic link", none, fixed(tarball(link("leaf", "../victim/hello"), file("leaf", "x")))},
		{"link to no file, created", "symbolic link", none, fixed(tarball(link("leaf", "../victim/new"), file("leaf", "x")))},
		{"chain of links", "symbolic link", none, fixed(tarball(dir("d"), link("d/up", ".."), link("escape", "d/up/../victim"), file("escape/new", "x")))},
		{"link with a trailing slash", "symbolic link", none, fixed(tarball(link("out", "../victim/"), file("out/new", "x")))},
		{"link through /proc", "symbolic link", none, fixed(tarball(link("cwd", "/proc/self/cwd"), file("good", "x")))},
		{"directory over a link", "symbolic link", none, fixed(tarball(link("out", "../victim"), raw{name: "out", flag: '5', mode: 0o777}))},
		{"two links, one behind the other", "symbolic link", none, fixed(tarball(link("a", "../victim"), link("b", "a"), file("b/new", "x")))},
		{"link in place of a directory", "symbolic link", none, fixed(tarball(dir("d"), file("d/f", "x"), link("d", "../victim"), file("d/new", "x")))},
		{"link beside the root", "symbolic link", none, fixed(tarball(link("out", "../dest-sibling"), file("out/new", "x")))},
		{"harmless link", "symbolic link", none, fixed(tarball(file("a", "x"), link("b", "a")))},
		{"hard link out", "hard link", none, fixed(tarball(hardlink("h", "../victim/hello")))},
		{"hard link out, overwritten", "hard link", none, fixed(tarball(hardlink("h", "../victim/hello"), file("h", "x")))},
		{"absolute hard link", "hard link", none, func(v string) []byte { return tarball(hardlink("h", v+"/hello"), file("h", "x")) }},
		{"hard link by extended path", "hard link", none, fixed(tarball(pax('x', map[string]string{"linkpath": "../victim/hello"}), hardlink("h", "harmless")))},
		{"hard link through a link", "symbolic link", none, fixed(tarball(link("out", "../victim"), hardlink("h", "out/hello"), file("h", "x")))},
		{"hard link to a link", "symbolic link", none, fixed(tarball(link("l", "../victim/hello"), hardlink("h", "l"), file("h", "x")))},
		{"hard link to nothing", "hard link", none, fixed(tarball(hardlink("h", "missing")))},
		{"hard link to a directory", "hard link", none, fixed(tarball(dir("d"), hardlink("h", "d")))},
		{"hard link to itself", "hard link", none, fixed(tarball(hardlink("h", "h")))},

		// other kinds
		{"character device", "character device", none, fixed(tarball(special("null", '3')))},
		{"block device", "block device", none, fixed(tarball(special("disk", '4')))},
		{"fifo", "fifo", none, fixed(tarball(special("pipe", '6')))},
		{"fifo, then a file of its name", "fifo", none, fixed(tarball(special("pipe", '6'), file("pipe", "x")))},
		{"whiteout of a layer", "character device", none, fixed(tarball(special("gone", '3')))},
		{"contiguous file", "contiguous", none, fixed(tarball(special("c", '7')))},
		{"unknown kind", "unknown type", none, fixed(tarball(special("z", 'Z')))},
		{"volume label", "volume label", none, fixed(tarball(special("label", 'V')))},
		{"multi-volume part", "multi-volume", none, fixed(tarball(special("part", 'M')))},
		{"directory dump", "directory dump", none, fixed(tarball(special("dump", 'D')))},
		{"old sparse file", "", none, fixed(tarball(special("s", 'S')))},
		{"extended sparse file", "sparse", none, fixed(tarball(pax('x', map[string]string{
			"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "big", "GNU.sparse.realsize": "1099511627776",
		}), file("big", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x")))},
		{"directory with content", "content", none, fixed(tarball(raw{name: "d", flag: '5', body: "x"}))},

		// names together
		{"the same file twice", "second file", none, fixed(tarball(file("a", "1"), file("a", "2")))},
		{"the same file, written otherwise", "second file", none, fixed(tarball(file("a", "1"), file("./a", "2")))},
		{"the same but for case", "second file", none, fixed(tarball(file("Image", "1"), file("image", "2")))},
		{"the same but for composition", "second file", none, fixed(tarball(file("caf\u00e9", "1"), file("cafe\u0301", "2")))},
		{"directories the same but for case", "case does not count", none, fixed(tarball(file("D/a", "1"), file("d/b", "2")))},
		{"file, then directory", "a directory where", none, fixed(tarball(file("a", "1"), dir("a/")))},
		{"file, then file below it", "a directory where", none, fixed(tarball(file("a", "1"), file("a/b", "2")))},
		{"directory, then file", "a file where", none, fixed(tarball(dir("a/"), file("a", "1")))},
		{"file over a directory in use", "a file where", none, fixed(tarball(file("a/b", "1"), file("a", "2")))},

		// structure
		{"body cut", "truncated", none, fixed(tarball(good, file("big", strings.Repeat("b", 4096)))[:3000])},
		{"header cut", "truncated", none, fixed(tarball(good)[:1024+100])},
		{"header cut, compressed", "truncated", none, fixed(gz(tarball(good, good)[:1024+100]))},
		{"no end mark", "end mark", none, fixed(unterminated(good))},
		{"half an end mark", "end mark", none, fixed(append(unterminated(good), make([]byte, 512)...))},
		{"no end mark, compressed", "end mark", none, fixed(gz(unterminated(good)))},
		{"end mark, then not", "damaged", none, fixed(cat(unterminated(good), make([]byte, 512), file("b", "x").bytes(), make([]byte, 1024)))},
		{"another archive behind", "after the end", none, fixed(cat(tarball(good), tarball(file("late", "x"))))},
		{"garbage behind", "after the end", none, fixed(append(tarball(good), "garbage"...))},
		{"wrong checksum", "", none, fixed(tarball(raw{name: "a", body: "x", badSum: true}))},
		{"wrong checksum later", "damaged", none, fixed(tarball(good, raw{name: "a", body: "x", badSum: true}))},
		{"negative size", "damaged", none, fixed(tarball(raw{name: "a", size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0"}))},
		{"size of 2 to the 63", "", none, fixed(tarball(raw{name: "a", size: "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"}))},
		{"size that is not a number", "damaged", none, fixed(tarball(raw{name: "a", size: "hello world\x00"}))},
		{"two sizes", "second size", none, fixed(tarball(pax('x', map[string]string{"size": "512"}), raw{
			name: "a", size: "00000000000\x00", body: string(file("smuggled", "x").bytes()[:512]),
		}))},
		{"negative extended size", "damaged", none, fixed(tarball(pax('x', map[string]string{"size": "-1"}), file("a", "x")))},
		{"extended header that is no header", "damaged", none, fixed(tarball(raw{name: "x", flag: 'x', body: "99 path=\n"}, file("a", "x")))},
		{"global path", "for all entries", none, fixed(tarball(pax('g', map[string]string{"path": "../victim/new"}), file("a", "x")))},
		{"global size", "for all entries", none, fixed(tarball(pax('g', map[string]string{"size": "0"}), file("a", "x")))},
		{"global link", "for all entries", none, fixed(tarball(pax('g', map[string]string{"linkpath": "../victim"}), file("a", "x")))},
		{"extended header of 2 MiB", "damaged", none, fixed(tarball(pax('x', map[string]string{"comment": strings.Repeat("c", 2<<20)}), file("a", "x")))},
		{"long name of 2 MiB", "damaged", none, fixed(tarball(longName(strings.Repeat("n", 2<<20)), file("a", "x")))},
		{"nothing in it", "it is empty", none, fixed(make([]byte, 10240))},

		// limits
		{"too many entries", "limit", archive.Limits{Entries: 3}, fixed(tarball(file("a", ""), file("b", ""), file("c", ""), file("d", "")))},
		{"too many bytes", "limit", archive.Limits{Bytes: 10}, fixed(tarball(file("a", "123456"), file("b", "123456")))},
		{"too many entries by default", "limit", none, func(string) []byte { return manyEntries(10_001) }},
		{"huge size claimed", "limit", none, fixed(tarball(raw{name: "a", size: "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"}))},
		{"too deep", "limit", none, fixed(tarball(longName(strings.Repeat("d/", 400)+"f"), file("a", "x")))},
		{"name too long", "limit", none, fixed(tarball(longName(strings.Repeat("d/", 2500)+"f"), file("a", "x")))},
		{"part of a name too long", "limit", none, fixed(tarball(longName(strings.Repeat("n", 300)), file("a", "x")))},
		{"gzip bomb", "limit", bomb, fixed(gz(tarball(file("a", strings.Repeat("\x00", 4<<20)))))},
		{"zstd bomb", "limit", bomb, fixed(zst(t, tarball(file("a", strings.Repeat("\x00", 4<<20)))))},
		{"bomb behind the end mark", "limit", bomb, fixed(gz(append(tarball(good), make([]byte, 4<<20)...)))},
		{"bomb of headers", "limit", archive.Limits{Bytes: 1000}, fixed(bytes.Repeat(pax('x', map[string]string{"comment": strings.Repeat("c", 1<<19)}).bytes(), 80))},
		{"zstd window", "limit reached: zstd asks for a window of more than 1.0 MiB (its option --long)", archive.Limits{Window: 1 << 20}, fixed(bigWindow(t))},
		{"xz dictionary in a later stream", "limit", archive.Limits{Window: 1 << 20}, fixed(cat(
			xzip(t, xz.WriterConfig{DictCap: 1 << 20}, unterminated(good)), xzip(t, xz.WriterConfig{DictCap: 8 << 20}, tarball(file("b", "x")))))},
		{"xz dictionary in a later block", "limit", archive.Limits{Window: 1 << 20}, fixed(laterBlock(t, tarball(good)))},
		{"xz dictionary", "limit", archive.Limits{Window: 1 << 20}, fixed(xzip(t, xz.WriterConfig{DictCap: 8 << 20}, tarball(good)))},

		// compression
		{"gzip: wrong checksum", "damaged: gzip: invalid checksum", none, fixed(withByteChanged(gz(tarball(good)), -8))},
		{"gzip: wrong length", "damaged", none, fixed(withByteChanged(gz(tarball(good)), -1))},
		{"gzip: trailer cut", "truncated", none, fixed(gz(tarball(good))[:len(gz(tarball(good)))-4])},
		{"gzip: end cut", "truncated", none, fixed(gz(tarball(good))[:len(gz(tarball(good)))-12])},
		{"gzip: garbage behind", "data after the end", none, fixed(append(gz(tarball(good)), "garbage behind it"...))},
		{"gzip: a byte behind", "data after the end", none, fixed(append(gz(tarball(good)), '\n'))},
		{"gzip: zeros and garbage behind", "data after the end", none, fixed(cat(gz(tarball(good)), make([]byte, 3<<20), []byte("x")))},
		{"gzip: zeros and a member behind", "data after the end", none, fixed(cat(gz(tarball(good)), make([]byte, 512), gz(tarball(file("b", "x")))))},
		{"gzip: garbage within", "damaged: gzip: data after its end", none, fixed(cat(gz(unterminated(good)), []byte("garbage"), gz(make([]byte, 1024))))},
		{"gzip: zeros within", "damaged: gzip: data after its end", none, fixed(cat(gz(unterminated(good)), make([]byte, 512), gz(make([]byte, 1024))))},
		{"gzip: zeros, no end mark", "end mark", none, fixed(cat(gz(unterminated(good)), make([]byte, 2048)))},
		{"gzip: second member's magic cut", "truncated", none, fixed(append(gz(tarball(good)), 0x1f))},
		{"gzip: second member's name cut", "truncated", none, fixed(append(gz(tarball(good)), "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03nam"...))},
		{"gzip: second member cut", "truncated", none, fixed(append(gz(tarball(good)), gz(make([]byte, 512))[:10]...))},
		{"gzip: second member is an archive", "after the end", none, fixed(append(gz(tarball(good)), gz(tarball(good))...))},
		{"zstd: wrong checksum", "damaged", none, fixed(withByteChanged(zst(t, tarball(good)), -1))},
		{"zstd: cut", "", none, fixed(zst(t, tarball(good))[:len(zst(t, tarball(good)))-3])},
		{"zstd: garbage behind", "damaged", none, fixed(append(zst(t, tarball(good)), "garbage"...))},
		{"xz: wrong checksum", "damaged", none, fixed(withByteChanged(xzip(t, xz.WriterConfig{}, tarball(good)), -10))},
		{"xz: cut", "truncated or corrupt", none, fixed(xzip(t, xz.WriterConfig{}, tarball(good))[:len(xzip(t, xz.WriterConfig{}, tarball(good)))-4])},
		{"xz: garbage behind", "damaged", none, fixed(append(xzip(t, xz.WriterConfig{}, tarball(good)), "garbage behind"...))},
		{"bzip2: wrong checksum", "damaged", none, fixed(withByteChanged(bzipped, -3))},
		{"bzip2: cut", "truncated", none, fixed(bzipped[:len(bzipped)-6])},
		{"bzip2: garbage behind", "damaged", none, fixed(append(bytes.Clone(bzipped), "garbage"...))},

		// not archives
		{"empty file", "empty file", none, fixed(nil)},
		{"disk image", "qcow2", none, fixed(append([]byte("QFI\xfb"), make([]byte, 600)...))},
		{"disk image, compressed", "qcow2 disk image in gzip", none, fixed(gz(append([]byte("QFI\xfb"), make([]byte, 600)...)))},
		{"web page", "HTML", none, fixed([]byte("<!DOCTYPE html><html>not found</html>"))},
		{"package", "RPM", none, fixed([]byte("\xed\xab\xee\xdb\x03\x00"))},
		{"zip", "zip", none, fixed([]byte("PK\x03\x04rest"))},
		{"text", `begins with "hello`, none, fixed([]byte("hello, this is not an archive at all"))},
		{"gzip in gzip", "gzip in gzip", none, fixed(gz(gz(tarball(good))))},
	}
	return all
}

var (
	none = archive.Limits{}
	bomb = archive.Limits{Ratio: 20, RatioFrom: 1 << 20}
)

// bzipped is a tar archive with the file "good", made by bzip2.
var bzipped = []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x3e\x39\x55\x2f\x00\x00\x2d\x5b\x80\xc9\x80\x40\x00\x75" +
	"\x00\x00\x04\x67\xa1\x9e\x00\x08\x08\x20\x00\x54\x44\x0d\x00\x00\x34\xd0\x49\x14\x34\xd3\x23\xd4" +
	"\x03\x41\xa4\x88\xf9\x17\xa4\x33\x25\x4e\xf3\x98\xd4\x9c\x84\x30\x35\x5c\x4e\xc2\x21\xd0\xf1\x18" +
	"\xc5\xc0\x22\x90\x2e\xf4\xd9\xc2\x12\x23\x33\x7a\x11\xf1\x77\x24\x53\x85\x09\x03\xe3\x95\x52\xf0")

// laterBlock makes an xz stream whose second block needs a larger dictionary
// than its first. The decoder must check each block.
func laterBlock(t testing.TB, b []byte) []byte {
	t.Helper()
	small := xzip(t, xz.WriterConfig{DictCap: 1 << 20, BlockSize: 512}, b)
	first, second := 12, 0
	// The second block begins where the header of the first one appears again.
	header := small[first : first+4*(int(small[first])+1)]
	if second = first + 1 + bytes.Index(small[first+1:], header[:2]); second <= first {
		t.Fatal("no second block")
	}
	block := small[second : second+4*(int(small[second])+1)]
	at := bytes.IndexByte(block, 0x21) // the filter, the length of its settings, the dictionary
	if at < 0 || block[at+1] != 1 {
		t.Fatalf("block header %x", block)
	}
	block[at+2] = 40 // 4 GiB
	end := len(block) - 4
	binary.LittleEndian.PutUint32(block[end:], crc32.ChecksumIEEE(block[:end]))
	return small
}

// manyEntries makes an archive of empty files.
func manyEntries(n int) []byte {
	b := make([]byte, 0, n*512+1024)
	for i := range n {
		b = append(b, file(fmt.Sprintf("f%d", i), "").bytes()...)
	}
	return append(b, make([]byte, 1024)...)
}

// bigWindow makes a zstd stream that asks for a window of 4 MiB.
func bigWindow(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(4<<20))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(tarball(file("good", strings.Repeat("some text ", 1<<20))))
	w.Close()
	return out.Bytes()
}

func TestLargeHostileArchivesAreRefused(t *testing.T) {
	for _, tt := range hostileArchives(t) {
		t.Run(tt.name, func(t *testing.T) {
			base, victim, dest := scene(t)
			before := snapshot(t, base)
			root, err := os.OpenRoot(dest)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			b := tt.build(victim)
			_, err = archive.Extract(t.Context(), bytes.NewReader(b), root, archive.Extraction{
				Options: archive.Options{Limits: tt.limits}, Source: "/x.tar",
			})
			if err == nil {
				t.Fatal("it was taken")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %q, want it to say %q", err, tt.want)
			}
			if tt.want == "limit" && !errors.Is(err, archive.ErrLimit) {
				t.Errorf("error %q is not ErrLimit", err)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n\x00") {
				t.Errorf("error %q has bytes that a terminal takes for commands", err)
			}
			if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
				t.Errorf("the disk (-before +after):\n%s", diff)
			}
			if _, err := archive.List(t.Context(), bytes.NewReader(b), archive.Options{Limits: tt.limits}); err == nil {
				t.Error("List takes it")
			}
		})
	}
}
