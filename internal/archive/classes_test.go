package archive_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/archive"
)

// A class is a known way for an archive to do harm, with the test case that
// covers it: a hostile archive, which is refused, or a harmless one, which is
// unpacked without its dangerous part.
type class struct{ of, what, hostile, harmless string }

// classes are known from the tests of other extractors and from reports about
// them.
var classes = []class{
	{"traversal", "..", "parent", ""},
	{"traversal", "a/../../", "parent in the middle", ""},
	{"traversal", "./..", "parent behind a dot", ""},
	{"traversal", "/..", "absolute parent", ""},
	{"traversal", "absolute name", "absolute", ""},
	{"traversal", "two slashes in front", "absolute twice", ""},
	{"traversal", "an existing file outside", "parent overwrites", ""},
	{"traversal", "an existing file by its absolute name", "absolute overwrites", ""},
	{"traversal", "mode of a directory outside", "directory entry changes the victim", ""},
	{"traversal", "mode of the parent itself", "directory that is the parent", ""},
	{"traversal", "directory outside", "absolute directory", ""},
	{"traversal", "GNU long name", "long name", ""},
	{"traversal", "GNU long name, absolute", "long name is absolute", ""},
	{"traversal", "PAX path", "extended path", ""},
	{"traversal", "PAX path, absolute", "extended path is absolute", ""},
	{"traversal", "name of a sparse file", "sparse name", ""},
	{"traversal", "ustar prefix", "parent in the prefix field", ""},
	{"traversal", "header without magic", "parent without magic", ""},
	{"traversal", "sibling with the same prefix", "sibling whose name begins alike", ""},
	{"symlink", "relative, written through", "link out, file through it", ""},
	{"symlink", "absolute, written through", "absolute link, file through it", ""},
	{"symlink", "leaf overwritten", "link to a file, overwritten", ""},
	{"symlink", "leaf created", "link to no file, created", ""},
	{"symlink", "chain", "chain of links", ""},
	{"symlink", "double", "two links, one behind the other", ""},
	{"symlink", "in place of a directory", "link in place of a directory", ""},
	{"symlink", "trailing slash", "link with a trailing slash", ""},
	{"symlink", "/proc/self/cwd", "link through /proc", ""},
	{"symlink", "directory over it changes its target", "directory over a link", ""},
	{"symlink", "left behind, points outside", "link out", ""},
	{"hard link", "relative", "hard link out, overwritten", ""},
	{"hard link", "absolute", "absolute hard link", ""},
	{"hard link", "copies a secret", "hard link out", ""},
	{"hard link", "through a symlink", "hard link through a link", ""},
	{"hard link", "to a symlink", "hard link to a link", ""},
	{"hard link", "to itself", "hard link to itself", ""},
	{"hard link", "to nothing", "hard link to nothing", ""},
	{"hard link", "to a directory", "hard link to a directory", ""},
	{"hard link", "PAX linkpath", "hard link by extended path", ""},
	{"special", "character device", "character device", ""},
	{"special", "block device", "block device", ""},
	{"special", "fifo", "fifo", ""},
	{"special", "fifo, then a write that hangs", "fifo, then a file of its name", ""},
	{"special", "setuid", "", "setuid"},
	{"special", "setgid directory", "", "setgid directory"},
	{"special", "foreign owner", "", "foreign owner"},
	{"special", "security.capability", "", "capability"},
	{"type", "unknown", "unknown kind", ""},
	{"type", "volume label", "volume label", ""},
	{"type", "multi-volume", "multi-volume part", ""},
	{"type", "directory dump", "directory dump", ""},
	{"duplicate", "file and file", "the same file twice", ""},
	{"duplicate", "file, then directory", "file, then directory", ""},
	{"duplicate", "directory, then file", "directory, then file", ""},
	{"duplicate", "letter case", "the same but for case", ""},
	{"duplicate", "Unicode composition", "the same but for composition", ""},
	{"structure", "body cut", "body cut", ""},
	{"structure", "header cut", "header cut", ""},
	{"structure", "no end mark", "no end mark", ""},
	{"structure", "half an end mark", "half an end mark", ""},
	{"structure", "garbage behind", "garbage behind", ""},
	{"structure", "archive behind the end", "another archive behind", ""},
	{"structure", "bad checksum", "wrong checksum", ""},
	{"structure", "negative size", "negative size", ""},
	{"structure", "size of 2 to the 63", "size of 2 to the 63", ""},
	{"parser differential", "PAX size against ustar size", "two sizes", ""},
	{"parser differential", "global path", "global path", ""},
	{"parser differential", "NUL in a PAX path", "NUL in an extended path", ""},
	{"bomb", "gzip", "gzip bomb", ""},
	{"bomb", "sparse 1 TiB", "extended sparse file", ""},
	{"bomb", "old GNU sparse", "old sparse file", ""},
	{"bomb", "200,000 entries", "too many entries by default", ""},
	{"bomb", "2500 deep", "name too long", ""},
	{"bomb", "component of 300 bytes", "part of a name too long", ""},
	{"bomb", "PAX header of 2 MiB", "extended header of 2 MiB", ""},
	{"terminal", "newline and ESC in a name", "control characters", ""},
	{"compressor", "gzip of several members", "", "gzip of two members"},
	{"compressor", "gzip with garbage behind", "gzip: garbage behind", ""},
	{"compressor", "gzip cut", "gzip: end cut", ""},
	{"compressor", "gzip with a bad CRC", "gzip: wrong checksum", ""},
	{"compressor", "gzip trailer cut", "gzip: trailer cut", ""},
	{"format", "zstd window", "zstd window", ""},
	{"format", "xz dictionary", "xz dictionary", ""},
	{"format", "xz of several streams", "", "xz of two streams"},
	{"format", "bzip2 with a bad CRC", "bzip2: wrong checksum", ""},
	{"format", "a suffix that lies", "disk image", ""},
	{"format", "a web page under the archive's name", "web page", ""},
	{"format", "packed twice", "gzip in gzip", ""},
	{"staging", "name of an unfinished file", "name of an unfinished file", ""},
}

// harmlessArchives are archives that are unpacked, with the expected result.
func harmlessArchives(t testing.TB) map[string]struct {
	data []byte
	want map[string]string
} {
	type tame = struct {
		data []byte
		want map[string]string
	}
	good := map[string]string{".": "drwxr-xr-x", "good": `-rw-r--r-- links=1 "fine"`}
	plain := tarball(file("good", "fine"))
	owned := file("good", "fine").bytes()
	copy(owned[108:116], "0002322\x00") // 1234
	owned = fixChecksum(owned)
	return map[string]tame{
		"setuid":              {tarball(raw{name: "good", body: "fine", mode: 0o4644}), good},
		"setgid directory":    {tarball(raw{name: "d", flag: '5', mode: 0o2777}), map[string]string{".": "drwxr-xr-x", "d": "drwxr-xr-x"}},
		"foreign owner":       {append(owned, make([]byte, 1024)...), good},
		"capability":          {tarball(pax('x', map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}), file("good", "fine")), good},
		"gzip of two members": {cat(gz(plain[:700]), gz(plain[700:])), good},
		"xz of two streams":   {cat(xzip(t, xz.WriterConfig{}, plain[:700]), xzip(t, xz.WriterConfig{}, plain[700:])), good},
	}
}

// fixChecksum sets the checksum of the header at the start of b.
func fixChecksum(b []byte) []byte {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func TestEveryClassHasItsCase(t *testing.T) {
	refused := map[string]bool{}
	for _, h := range hostileArchives(t) {
		if refused[h.name] {
			t.Errorf("two hostile archives are called %q", h.name)
		}
		refused[h.name] = true
	}
	harmless := harmlessArchives(t)
	for _, c := range classes {
		if _, ok := harmless[c.harmless]; !refused[c.hostile] && !ok {
			t.Errorf("%s, %s: there is no case of it", c.of, c.what)
		}
	}
	if len(classes) < 87 {
		t.Errorf("there are %d classes, want 87", len(classes))
	}
}

func TestHarmlessArchives(t *testing.T) {
	for name, tt := range harmlessArchives(t) {
		t.Run(name, func(t *testing.T) {
			_, _, dest := scene(t)
			if _, err := extract(t, dest, tt.data, archive.Extraction{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, snapshot(t, dest)); diff != "" {
				t.Errorf("the disk (-want +got):\n%s", diff)
			}
			if bytes.Contains([]byte(fmt.Sprint(snapshot(t, dest))), []byte(canary)) {
				t.Error("the victim's words are in it")
			}
		})
	}
}
