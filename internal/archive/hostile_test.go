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

// canary is what stands in the victim's file. It may never turn up elsewhere.
const canary = "the victim's own words"

// A hostile archive must be refused with an error that has want in it.
type hostile struct {
	name   string
	want   string
	limits archive.Limits
	build  func(victim string) []byte
}

func is(b []byte) func(string) []byte { return func(string) []byte { return b } }

// hostiles are archives that must be refused. victim is the absolute path of a
// directory beside the one unpacked into, which is ../victim from there.
func hostiles(t testing.TB) []hostile {
	good := file("good", "fine")
	all := []hostile{
		// names
		{"parent", `".."`, none, is(ar(good, file("../victim/new", "x")))},
		{"parent overwrites", `".."`, none, is(ar(file("../victim/hello", "x")))},
		{"parent in the middle", `".."`, none, is(ar(dir("a"), file("a/../../victim/new", "x")))},
		{"parent behind a dot", `".."`, none, is(ar(file("./../victim/new", "x")))},
		{"parent at the end", `".."`, none, is(ar(file("a/..", "x")))},
		{"parent that comes back", `".."`, none, is(ar(file("a/../b", "x")))},
		{"parent in the prefix field", `".."`, none, is(ar(raw{name: "new", prefix: "../victim", body: "x"}))},
		{"parent without magic", `".."`, none, is(ar(raw{name: "../victim/new", body: "x", v7: true}))},
		{"absolute", "absolute", none, func(v string) []byte { return ar(file(v+"/new", "x")) }},
		{"sibling whose name begins alike", `".."`, none, is(ar(file("../dest-sibling/new", "x")))},
		{"directory that is the parent", `".."`, none, is(ar(raw{name: "..", flag: '5', mode: 0o777}))},
		{"absolute twice", "absolute", none, func(v string) []byte { return ar(file("/"+v+"/new", "x")) }},
		{"absolute parent", "absolute", none, is(ar(file("/../victim/new", "x")))},
		{"absolute overwrites", "absolute", none, func(v string) []byte { return ar(file(v+"/hello", "x")) }},
		{"directory entry changes the victim", `".."`, none, is(ar(raw{name: "../victim", flag: '5', mode: 0o777}))},
		{"absolute directory", "absolute", none, func(v string) []byte { return ar(dir(v + "/newdir/")) }},
		{"long name", `".."`, none, is(ar(longName("../victim/new"), file("harmless", "x")))},
		{"long name is absolute", "absolute", none, func(v string) []byte { return ar(longName(v+"/new"), file("harmless", "x")) }},
		{"extended path", `".."`, none, is(ar(pax('x', map[string]string{"path": "../victim/new"}), file("harmless", "x")))},
		{"extended path is absolute", "absolute", none, func(v string) []byte {
			return ar(pax('x', map[string]string{"path": v + "/new"}), file("harmless", "x"))
		}},
		{"sparse name", "", none, is(ar(pax('x', map[string]string{
			"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "../victim/new", "GNU.sparse.realsize": "1",
		}), file("harmless", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x")))},
		{"NUL in an extended path", "damaged", none, is(ar(pax('x', map[string]string{"path": "a\x00../../victim/new"}), file("harmless", "x")))},
		{"empty name", "no name", none, is(ar(raw{name: "", body: "x"}))},
		{"control characters", "control", none, is(ar(file("a\n\x1b[2Jb", "x")))},
		{"not UTF-8", "UTF-8", none, is(ar(file("a\xff\xfe", "x")))},
		{"name of an unfinished file", "unfinished", none, is(ar(file(".bayplan-part-x.tar-00000000/000000", "x")))},
		{"file that is the root", "directory's name", none, is(ar(file(".", "x")))},
		{"file with a slash", "directory's name", none, is(ar(raw{name: "a/", body: "x"}))},

		// links
		{"link out", "symbolic link", none, is(ar(link("out", "../victim")))},
		{"link out, file through it", "symbolic link", none, is(ar(link("out", "../victim"), file("out/new", "x")))},
		{"absolute link, file through it", "symbolic link", none, func(v string) []byte { return ar(link("out", v), file("out/new", "x")) }},
		{"link to a file, overwritten", "symbolic link", none, is(ar(link("leaf", "../victim/hello"), file("leaf", "x")))},
		{"link to no file, created", "symbolic link", none, is(ar(link("leaf", "../victim/new"), file("leaf", "x")))},
		{"chain of links", "symbolic link", none, is(ar(dir("d"), link("d/up", ".."), link("escape", "d/up/../victim"), file("escape/new", "x")))},
		{"link with a trailing slash", "symbolic link", none, is(ar(link("out", "../victim/"), file("out/new", "x")))},
		{"link through /proc", "symbolic link", none, is(ar(link("cwd", "/proc/self/cwd"), file("good", "x")))},
		{"directory over a link", "symbolic link", none, is(ar(link("out", "../victim"), raw{name: "out", flag: '5', mode: 0o777}))},
		{"two links, one behind the other", "symbolic link", none, is(ar(link("a", "../victim"), link("b", "a"), file("b/new", "x")))},
		{"link in place of a directory", "symbolic link", none, is(ar(dir("d"), file("d/f", "x"), link("d", "../victim"), file("d/new", "x")))},
		{"link beside the root", "symbolic link", none, is(ar(link("out", "../dest-sibling"), file("out/new", "x")))},
		{"harmless link", "symbolic link", none, is(ar(file("a", "x"), link("b", "a")))},
		{"hard link out", "hard link", none, is(ar(hardlink("h", "../victim/hello")))},
		{"hard link out, overwritten", "hard link", none, is(ar(hardlink("h", "../victim/hello"), file("h", "x")))},
		{"absolute hard link", "hard link", none, func(v string) []byte { return ar(hardlink("h", v+"/hello"), file("h", "x")) }},
		{"hard link by extended path", "hard link", none, is(ar(pax('x', map[string]string{"linkpath": "../victim/hello"}), hardlink("h", "harmless")))},
		{"hard link through a link", "symbolic link", none, is(ar(link("out", "../victim"), hardlink("h", "out/hello"), file("h", "x")))},
		{"hard link to a link", "symbolic link", none, is(ar(link("l", "../victim/hello"), hardlink("h", "l"), file("h", "x")))},
		{"hard link to nothing", "hard link", none, is(ar(hardlink("h", "missing")))},
		{"hard link to a directory", "hard link", none, is(ar(dir("d"), hardlink("h", "d")))},
		{"hard link to itself", "hard link", none, is(ar(hardlink("h", "h")))},

		// other kinds
		{"character device", "character device", none, is(ar(special("null", '3')))},
		{"block device", "block device", none, is(ar(special("disk", '4')))},
		{"fifo", "fifo", none, is(ar(special("pipe", '6')))},
		{"fifo, then a file of its name", "fifo", none, is(ar(special("pipe", '6'), file("pipe", "x")))},
		{"whiteout of a layer", "character device", none, is(ar(special("gone", '3')))},
		{"contiguous file", "contiguous", none, is(ar(special("c", '7')))},
		{"unknown kind", "unknown type", none, is(ar(special("z", 'Z')))},
		{"volume label", "volume label", none, is(ar(special("label", 'V')))},
		{"multi-volume part", "multi-volume", none, is(ar(special("part", 'M')))},
		{"directory dump", "directory dump", none, is(ar(special("dump", 'D')))},
		{"old sparse file", "", none, is(ar(special("s", 'S')))},
		{"extended sparse file", "sparse", none, is(ar(pax('x', map[string]string{
			"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "big", "GNU.sparse.realsize": "1099511627776",
		}), file("big", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x")))},
		{"directory with content", "content", none, is(ar(raw{name: "d", flag: '5', body: "x"}))},

		// names together
		{"the same file twice", "second file", none, is(ar(file("a", "1"), file("a", "2")))},
		{"the same file, written otherwise", "second file", none, is(ar(file("a", "1"), file("./a", "2")))},
		{"the same but for case", "second file", none, is(ar(file("Image", "1"), file("image", "2")))},
		{"the same but for composition", "second file", none, is(ar(file("caf\u00e9", "1"), file("cafe\u0301", "2")))},
		{"directories the same but for case", "case does not count", none, is(ar(file("D/a", "1"), file("d/b", "2")))},
		{"file, then directory", "a directory where", none, is(ar(file("a", "1"), dir("a/")))},
		{"file, then file below it", "a directory where", none, is(ar(file("a", "1"), file("a/b", "2")))},
		{"directory, then file", "a file where", none, is(ar(dir("a/"), file("a", "1")))},
		{"file over a directory in use", "a file where", none, is(ar(file("a/b", "1"), file("a", "2")))},

		// structure
		{"body cut", "cut", none, is(ar(good, file("big", strings.Repeat("b", 4096)))[:3000])},
		{"header cut", "cut", none, is(ar(good)[:1024+100])},
		{"header cut, compressed", "cut", none, is(gz(ar(good, good)[:1024+100]))},
		{"no end mark", "end mark", none, is(open(good))},
		{"half an end mark", "end mark", none, is(append(open(good), make([]byte, 512)...))},
		{"no end mark, compressed", "end mark", none, is(gz(open(good)))},
		{"end mark, then not", "damaged", none, is(cat(open(good), make([]byte, 512), file("b", "x").bytes(), make([]byte, 1024)))},
		{"another archive behind", "behind the end", none, is(cat(ar(good), ar(file("late", "x"))))},
		{"garbage behind", "behind the end", none, is(append(ar(good), "garbage"...))},
		{"wrong checksum", "", none, is(ar(raw{name: "a", body: "x", badSum: true}))},
		{"wrong checksum later", "damaged", none, is(ar(good, raw{name: "a", body: "x", badSum: true}))},
		{"negative size", "damaged", none, is(ar(raw{name: "a", size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0"}))},
		{"size of 2 to the 63", "", none, is(ar(raw{name: "a", size: "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"}))},
		{"size that is no number", "damaged", none, is(ar(raw{name: "a", size: "hello world\x00"}))},
		{"two sizes", "second size", none, is(ar(pax('x', map[string]string{"size": "512"}), raw{
			name: "a", size: "00000000000\x00", body: string(file("smuggled", "x").bytes()[:512]),
		}))},
		{"negative extended size", "damaged", none, is(ar(pax('x', map[string]string{"size": "-1"}), file("a", "x")))},
		{"extended header that is no header", "damaged", none, is(ar(raw{name: "x", flag: 'x', body: "99 path=\n"}, file("a", "x")))},
		{"global path", "for all entries", none, is(ar(pax('g', map[string]string{"path": "../victim/new"}), file("a", "x")))},
		{"global size", "for all entries", none, is(ar(pax('g', map[string]string{"size": "0"}), file("a", "x")))},
		{"global link", "for all entries", none, is(ar(pax('g', map[string]string{"linkpath": "../victim"}), file("a", "x")))},
		{"extended header of 2 MiB", "damaged", none, is(ar(pax('x', map[string]string{"comment": strings.Repeat("c", 2<<20)}), file("a", "x")))},
		{"long name of 2 MiB", "damaged", none, is(ar(longName(strings.Repeat("n", 2<<20)), file("a", "x")))},
		{"nothing in it", "holds nothing", none, is(make([]byte, 10240))},

		// limits
		{"too many entries", "limit", archive.Limits{Entries: 3}, is(ar(file("a", ""), file("b", ""), file("c", ""), file("d", "")))},
		{"too many bytes", "limit", archive.Limits{Bytes: 10}, is(ar(file("a", "123456"), file("b", "123456")))},
		{"too many entries by default", "limit", none, func(string) []byte { return manyEntries(10_001) }},
		{"huge size claimed", "limit", none, is(ar(raw{name: "a", size: "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"}))},
		{"too deep", "limit", none, is(ar(longName(strings.Repeat("d/", 400)+"f"), file("a", "x")))},
		{"name too long", "limit", none, is(ar(longName(strings.Repeat("d/", 2500)+"f"), file("a", "x")))},
		{"part of a name too long", "limit", none, is(ar(longName(strings.Repeat("n", 300)), file("a", "x")))},
		{"gzip bomb", "limit", bomb, is(gz(ar(file("a", strings.Repeat("\x00", 4<<20)))))},
		{"zstd bomb", "limit", bomb, is(zst(t, ar(file("a", strings.Repeat("\x00", 4<<20)))))},
		{"bomb behind the end mark", "limit", bomb, is(gz(append(ar(good), make([]byte, 4<<20)...)))},
		{"bomb of headers", "limit", archive.Limits{Bytes: 1000}, is(bytes.Repeat(pax('x', map[string]string{"comment": strings.Repeat("c", 1<<19)}).bytes(), 80))},
		{"zstd window", "zstd", archive.Limits{Window: 1 << 20}, is(bigWindow(t))},
		{"xz dictionary in a later stream", "limit", archive.Limits{Window: 1 << 20}, is(cat(
			xzip(t, xz.WriterConfig{DictCap: 1 << 20}, open(good)), xzip(t, xz.WriterConfig{DictCap: 8 << 20}, ar(file("b", "x")))))},
		{"xz dictionary in a later block", "limit", archive.Limits{Window: 1 << 20}, is(laterBlock(t, ar(good)))},
		{"xz dictionary", "limit", archive.Limits{Window: 1 << 20}, is(xzip(t, xz.WriterConfig{DictCap: 8 << 20}, ar(good)))},

		// compression
		{"gzip: wrong checksum", "damaged: gzip: invalid checksum", none, is(change(gz(ar(good)), -8))},
		{"gzip: wrong length", "damaged", none, is(change(gz(ar(good)), -1))},
		{"gzip: trailer cut", "cut", none, is(gz(ar(good))[:len(gz(ar(good)))-4])},
		{"gzip: end cut", "cut", none, is(gz(ar(good))[:len(gz(ar(good)))-12])},
		{"gzip: garbage behind", "there is something behind the end", none, is(append(gz(ar(good)), "garbage behind it"...))},
		{"gzip: a byte behind", "there is something behind the end", none, is(append(gz(ar(good)), '\n'))},
		{"gzip: zeros and garbage behind", "there is something behind the end", none, is(cat(gz(ar(good)), make([]byte, 3<<20), []byte("x")))},
		{"gzip: zeros and a member behind", "there is something behind the end", none, is(cat(gz(ar(good)), make([]byte, 512), gz(ar(file("b", "x")))))},
		{"gzip: garbage within", "damaged: gzip: something stands behind its end", none, is(cat(gz(open(good)), []byte("garbage"), gz(make([]byte, 1024))))},
		{"gzip: zeros within", "damaged: gzip: something stands behind its end", none, is(cat(gz(open(good)), make([]byte, 512), gz(make([]byte, 1024))))},
		{"gzip: zeros, no end mark", "end mark", none, is(cat(gz(open(good)), make([]byte, 2048)))},
		{"gzip: second member's magic cut", "cut", none, is(append(gz(ar(good)), 0x1f))},
		{"gzip: second member's name cut", "cut", none, is(append(gz(ar(good)), "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03nam"...))},
		{"gzip: second member cut", "cut", none, is(append(gz(ar(good)), gz(make([]byte, 512))[:10]...))},
		{"gzip: second member is an archive", "behind the end", none, is(append(gz(ar(good)), gz(ar(good))...))},
		{"zstd: wrong checksum", "damaged", none, is(change(zst(t, ar(good)), -1))},
		{"zstd: cut", "", none, is(zst(t, ar(good))[:len(zst(t, ar(good)))-3])},
		{"zstd: garbage behind", "damaged", none, is(append(zst(t, ar(good)), "garbage"...))},
		{"xz: wrong checksum", "damaged", none, is(change(xzip(t, xz.WriterConfig{}, ar(good)), -10))},
		{"xz: cut", "truncated or corrupt", none, is(xzip(t, xz.WriterConfig{}, ar(good))[:len(xzip(t, xz.WriterConfig{}, ar(good)))-4])},
		{"xz: garbage behind", "damaged", none, is(append(xzip(t, xz.WriterConfig{}, ar(good)), "garbage behind"...))},
		{"bzip2: wrong checksum", "damaged", none, is(change(bzipped, -3))},
		{"bzip2: cut", "cut", none, is(bzipped[:len(bzipped)-6])},
		{"bzip2: garbage behind", "damaged", none, is(append(bytes.Clone(bzipped), "garbage"...))},

		// no archives at all
		{"empty file", "empty file", none, is(nil)},
		{"disk image", "qcow2", none, is(append([]byte("QFI\xfb"), make([]byte, 600)...))},
		{"disk image, compressed", "qcow2 disk image in gzip", none, is(gz(append([]byte("QFI\xfb"), make([]byte, 600)...)))},
		{"web page", "HTML", none, is([]byte("<!DOCTYPE html><html>not found</html>"))},
		{"package", "RPM", none, is([]byte("\xed\xab\xee\xdb\x03\x00"))},
		{"zip", "zip", none, is([]byte("PK\x03\x04rest"))},
		{"text", `begins with "hello`, none, is([]byte("hello, this is not an archive at all"))},
		{"gzip in gzip", "gzip in gzip", none, is(gz(gz(ar(good))))},
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

// laterBlock makes an xz stream whose second block asks for a larger
// dictionary than its first: the decoder looks at each by itself.
func laterBlock(t testing.TB, b []byte) []byte {
	t.Helper()
	small := xzip(t, xz.WriterConfig{DictCap: 1 << 20, BlockSize: 512}, b)
	first, second := 12, 0
	// The second block begins where the first one's header stands again.
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
	w.Write(ar(file("good", strings.Repeat("some text ", 1<<20))))
	w.Close()
	return out.Bytes()
}

func TestHostileArchivesAreRefused(t *testing.T) {
	for _, tt := range hostiles(t) {
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
