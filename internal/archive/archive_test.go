package archive_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
)

func sum256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func sum512(s string) string {
	sum := sha512.Sum512([]byte(s))
	return hex.EncodeToString(sum[:])
}

func plain(name, body string) archive.Entry {
	return archive.Entry{Name: name, Size: int64(len(body)), Mode: 0o644, SHA256: sum256(body)}
}

func TestList(t *testing.T) {
	good := []archive.Entry{plain("good", "fine")}
	here := archive.Entry{Name: "d", Mode: fs.ModeDir | 0o755}
	program := plain("run", "#!")
	program.Mode = 0o755
	long := strings.Repeat("d/", 20) + strings.Repeat("n", 120)
	tests := []struct {
		name string
		data []byte
		want []archive.Entry
	}{
		{"plain", tarball(file("good", "fine")), good},
		{"without magic", tarball(raw{name: "good", body: "fine", v7: true}), good},
		{"gzip", gz(tarball(file("good", "fine"))), good},
		{"gzip of two members", cat(gz(tarball(file("good", "fine"))[:700]), gz(tarball(file("good", "fine"))[700:])), good},
		{"gzip with an empty member", cat(gz(tarball(file("good", "fine"))), gz(nil)), good},
		{"gzip with padding", cat(gz(tarball(file("good", "fine"))), make([]byte, 3<<20)), good},
		{"gzip with a byte of padding", append(gz(tarball(file("good", "fine"))), 0), good},
		{"zstd", zst(t, tarball(file("good", "fine"))), good},
		{"zstd of two frames", cat(zst(t, unterminated(file("good", "fine"))), zst(t, make([]byte, 1024))), good},
		{"xz", xzip(t, xz.WriterConfig{}, tarball(file("good", "fine"))), good},
		{"xz of many blocks", xzip(t, xz.WriterConfig{BlockSize: 512}, tarball(file("good", "fine"))), good},
		{"bzip2", bzipped, good},
		{"zeros behind the end mark", append(tarball(file("good", "fine")), make([]byte, 8192)...), good},
		{"dots and slashes", tarball(dir("./"), dir("./d/"), file("./d//good", "fine")), []archive.Entry{here, plain("d/good", "fine")}},
		{"directory twice", tarball(dir("d"), dir("d/")), []archive.Entry{here, here}},
		{"directory by its slash alone", tarball(raw{name: "d/", flag: oldFile}), []archive.Entry{here}},
		{"directory after what is in it", tarball(file("d/good", "fine"), dir("d")), []archive.Entry{plain("d/good", "fine"), here}},
		{"executable", tarball(raw{name: "run", body: "#!", mode: 0o700}), []archive.Entry{program}},
		{"setuid is dropped", tarball(raw{name: "run", body: "#!", mode: 0o6777}), []archive.Entry{program}},
		{"foreign mode", tarball(raw{name: "good", body: "fine", mode: 0o666}), good},
		{"long name", tarball(longName(long), file("x", "1")), []archive.Entry{plain(long, "1")}},
		{"extended path", tarball(pax('x', map[string]string{"path": "good"}), file("x", "fine")), good},
		{"attributes are left out", tarball(pax('x', map[string]string{"SCHILY.xattr.security.capability": "x"}), file("good", "fine")), good},
		{"global comment", tarball(pax('g', map[string]string{"comment": "made by git"}), file("good", "fine")), good},
		{"empty file", tarball(file("empty", "")), []archive.Entry{plain("empty", "")}},
		{"NUL ends a name", tarball(file("good\x00/../../etc/passwd", "fine")), good},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := archive.List(t.Context(), bytes.NewReader(tt.data), archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListSHA512(t *testing.T) {
	got, err := archive.List(t.Context(), bytes.NewReader(tarball(file("a", "1"))), archive.Options{SHA512: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := sum512("1"); got[0].SHA512 != want {
		t.Errorf("sha512 = %s, want %s", got[0].SHA512, want)
	}
}

func TestDigestOfTheWhole(t *testing.T) {
	whole, cut := gz(tarball(file("a", "1"))), unterminated(file("a", "1"))
	padded := append(bytes.Clone(whole), make([]byte, 3000)...)
	tests := []struct {
		name string
		data []byte
		sum  string
		ok   bool
	}{
		{"right, with padding", padded, sum256(string(padded)), true},
		{"of what is before the padding", padded, sum256(string(whole)), false},
		{"right", whole, sum256(string(whole)), true},
		{"wrong", whole, sum256("another"), false},
		{"no end mark is fine when the digest is right", cut, sum256(string(cut)), true},
		{"no end mark, wrong digest", cut, sum256("another"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := archive.List(t.Context(), bytes.NewReader(tt.data), archive.Options{SHA256: tt.sum})
			if (err == nil) != tt.ok {
				t.Fatalf("error = %v, want none: %v", err, tt.ok)
			}
			var digest *archive.DigestError
			if !tt.ok && (!errors.As(err, &digest) || digest.Want != tt.sum || digest.Got != sum256(string(tt.data))) {
				t.Errorf("error = %#v, want a DigestError with both digests", err)
			}
		})
	}
}

func TestUnknownFilesGetAHint(t *testing.T) {
	_, err := archive.List(t.Context(), strings.NewReader("PK\x03\x04"), archive.Options{})
	if hint := fault.Hint(err); !strings.Contains(hint, "tar.zst") {
		t.Errorf("hint = %q", hint)
	}
}

func TestOpen(t *testing.T) {
	data := gz(tarball(file("first", strings.Repeat("1", 5000)), dir("d"), file("./d/second", "2")))
	for name, want := range map[string]string{"first": strings.Repeat("1", 5000), "d/second": "2"} {
		src := &closer{Reader: bytes.NewReader(data)}
		r, err := archive.Open(t.Context(), src, name, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Errorf("%s = %.20q, %v", name, got, err)
		}
		if r.Close(); !src.closed {
			t.Errorf("%s: the archive was left open", name)
		}
	}
	for _, name := range []string{"third", "d"} {
		src := &closer{Reader: bytes.NewReader(data)}
		if _, err := archive.Open(t.Context(), src, name, archive.Options{}); !errors.Is(err, fs.ErrNotExist) || !src.closed {
			t.Errorf("%s: error = %v, closed %v", name, err, src.closed)
		}
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

// A flipped bit is refused, unless it is in a place without meaning and the
// content is the same. With the archive's digest it is always refused.
func TestFlippedBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	body := make([]byte, 6000)
	for i := range body {
		body[i] = byte(rng.UintN(64))
	}
	tarball := tarball(file("a", string(body[:3000])), file("b", string(body[3000:])))
	want, err := archive.List(t.Context(), bytes.NewReader(tarball), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, good := range map[string][]byte{"gzip": gz(tarball), "zstd": zst(t, tarball), "xz": xzip(t, xz.WriterConfig{}, tarball)} {
		t.Run(kind, func(t *testing.T) {
			for range 200 {
				at, bit := rng.IntN(len(good)), byte(1)<<rng.IntN(8)
				bad := bytes.Clone(good)
				bad[at] ^= bit
				got, err := archive.List(t.Context(), bytes.NewReader(bad), archive.Options{})
				if err == nil && !cmp.Equal(want, got) {
					t.Errorf("byte %d, bit %#x: taken with other content", at, bit)
				}
				_, err = archive.List(t.Context(), bytes.NewReader(bad), archive.Options{SHA256: sum256(string(good))})
				if err == nil {
					t.Errorf("byte %d, bit %#x: taken in spite of the digest", at, bit)
				}
			}
		})
	}
}

func FuzzLargeList(f *testing.F) {
	for _, tt := range hostileArchives(f) {
		if b := tt.build("/victim"); len(b) < 1<<16 {
			f.Add(b)
		}
	}
	f.Add(tarball(dir("d"), file("d/a", "1")))
	limits := archive.Limits{Bytes: 1 << 20, Entries: 100, RatioFrom: 1 << 20, Window: 1 << 23}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := archive.List(t.Context(), bytes.NewReader(b), archive.Options{Limits: limits})
		if err != nil {
			return
		}
		for _, e := range entries {
			if !fs.ValidPath(e.Name) || e.Size < 0 {
				t.Errorf("entry %+v was let through", e)
			}
		}
	})
}

// These archives come from xz itself, with all of its checks and filters.
func TestXZOfEveryKind(t *testing.T) {
	want := []archive.Entry{plain("good", "fine")}
	for name, text := range xzKinds {
		t.Run(name, func(t *testing.T) {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := archive.List(t.Context(), bytes.NewReader(b), archive.Options{})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("error %v, entries (-want +got):\n%s", err, diff)
			}
			for at := range b {
				got, err := archive.List(t.Context(), bytes.NewReader(withByteChanged(b, at)), archive.Options{})
				if err == nil && !cmp.Equal(want, got) && name != "no check" {
					t.Errorf("byte %d changed: taken with other content", at)
				}
			}
		})
	}
}
