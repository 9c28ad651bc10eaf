package diskimage_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/standin"
)

// builds returns images of each kind and their disks.
func builds(t *testing.T) map[string]func() (image, disk []byte) {
	t.Helper()
	const c = 1 << smallBits
	disk := func(size int, put map[int][]byte) []byte {
		d := make([]byte, size)
		for n, data := range put {
			copy(d[n*c:], data)
		}
		return d
	}
	return map[string]func() (image, disk []byte){
		"plain, version 2": func() ([]byte, []byte) {
			b := newBuilder(2, 600*c)
			b.data(0, pattern(1, c))
			b.data(3, pattern(2, c))
			b.data(599, pattern(3, c)) // behind the second L2 table
			return b.image(), disk(600*c, map[int][]byte{0: pattern(1, c), 3: pattern(2, c), 599: pattern(3, c)})
		},
		"deflated": func() ([]byte, []byte) {
			b := newBuilder(3, 5*c+100)
			b.packed(t, 0, pattern(1, c))
			b.packed(t, 1, pattern(2, c))
			b.data(2, pattern(3, c))
			b.packed(t, 5, pattern(4, c)) // the disk ends within it
			return b.image(), disk(5*c+100, map[int][]byte{0: pattern(1, c), 1: pattern(2, c), 2: pattern(3, c), 5: pattern(4, c)})
		},
		"zstd": func() ([]byte, []byte) {
			b := newBuilder(3, 4*c)
			b.zstd = true
			b.packed(t, 1, pattern(1, c))
			b.packed(t, 2, pattern(2, c))
			return b.image(), disk(4*c, map[int][]byte{1: pattern(1, c), 2: pattern(2, c)})
		},
		"with zeros over data": func() ([]byte, []byte) {
			b := newBuilder(3, 3*c)
			b.zero(0, pattern(1, c))
			b.data(1, pattern(2, c))
			return b.image(), disk(3*c, map[int][]byte{1: pattern(2, c)})
		},
		"with extended tables": func() ([]byte, []byte) {
			b := newBuilder(3, 400*c)
			b.extended = true
			b.data(0, pattern(1, c))
			b.parts(1, pattern(2, c), 1<<0|1<<31)
			b.parts(2, pattern(3, c), 0)
			b.packed(t, 300, pattern(4, c))
			half := make([]byte, c)
			copy(half[:c/32], pattern(2, c))
			copy(half[c*31/32:], pattern(2, c)[c*31/32:])
			return b.image(), disk(400*c, map[int][]byte{0: pattern(1, c), 1: half, 300: pattern(4, c)})
		},
		"empty": func() ([]byte, []byte) { return newBuilder(3, 2*c).image(), make([]byte, 2*c) },
	}
}

func TestDisk(t *testing.T) {
	for name, build := range builds(t) {
		t.Run(name, func(t *testing.T) {
			image, want := build()
			d, err := diskimage.OpenQCOW2(bytes.NewReader(image), int64(len(image)))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if d.Size() != int64(len(want)) {
				t.Fatalf("%d bytes, want %d", d.Size(), len(want))
			}
			got, err := io.ReadAll(io.NewSectionReader(d, 0, d.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("read another disk, %v", err)
			}
			if err := iotest.TestReader(io.NewSectionReader(d, 0, min(d.Size(), 3<<smallBits)), want[:min(len(want), 3<<smallBits)]); err != nil {
				t.Error(err)
			}
			var all sync.WaitGroup // a reader that was given up may still be reading
			for i := range 4 {
				all.Go(func() {
					p := make([]byte, 5000)
					at := int64(i * 3000)
					n, _ := d.ReadAt(p, at)
					if !bytes.Equal(p[:n], want[min(int(at), len(want)):min(len(want), int(at)+n)]) {
						t.Errorf("read other bytes at %d", at)
					}
				})
			}
			all.Wait()
		})
	}
}

// An image that is truncated anywhere is refused.
func TestCutImagesAreRefused(t *testing.T) {
	images := map[string]func() ([]byte, []byte){
		"the quick start's": func() ([]byte, []byte) { return standin.QCOW2(), nil },
	}
	for name, build := range builds(t) {
		if name != "empty" {
			images[name] = build
		}
	}
	for name, build := range images {
		t.Run(name, func(t *testing.T) {
			image, _ := build()
			if err := diskimage.CheckUnpacked(bytes.NewReader(image), int64(len(image))); err != nil {
				t.Fatalf("whole: %v", err)
			}
			for _, cut := range []int{8, 600, 1 << smallBits, len(image) / 2, len(image) - 100} {
				n := len(image) - cut
				err := diskimage.Check(bytes.NewReader(image[:n]), int64(n), "qcow2")
				if err == nil {
					t.Errorf("cut off after %d of %d bytes, it is taken", n, len(image))
				}
				if _, err := diskimage.OpenQCOW2(bytes.NewReader(image[:n]), int64(n)); err == nil {
					t.Errorf("cut off after %d of %d bytes, it is opened", n, len(image))
				}
			}
		})
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	const c = 1 << smallBits
	build := func(change func(b *builder)) []byte {
		b := newBuilder(3, 600*c)
		b.data(0, pattern(1, c))
		b.data(599, pattern(2, c))
		image := b.image()
		if change != nil {
			change(b)
		}
		return image
	}
	put := func(at func(b *builder) int, v uint64) func(*builder) {
		return func(b *builder) { u64(at(b), v)(b.file) }
	}
	l1 := func(b *builder) int { return b.l1 }
	l2 := func(b *builder) int { return b.table(0) }
	for _, tc := range []struct {
		name   string
		change func(*builder)
		want   string
	}{
		{"sound", nil, ""},
		{"an L2 table far away", put(l1, 1<<40), "its L2 table 0 ends beyond"},
		{"an L2 table between clusters", put(l1, 4*c+512), "its L2 table 0 is not aligned to a cluster"},
		{"an L2 table that is named twice", func(b *builder) { copy(b.file[b.l1+8:b.l1+16], b.file[b.l1:b.l1+8]) }, "its L2 table 1 is also another L2 table"},
		{"data far away", put(l2, 1<<40), "its data for byte 0 of the disk end beyond"},
		{"data between clusters", put(l2, 5*c+512), "its data for byte 0 of the disk are not aligned to a cluster"},
		{"packed data far away", put(l2, 1<<62|1<<40), "its data for byte 0 of the disk end beyond"},
		{"a short L1 table", func(b *builder) { u32(36, 1)(b.file) }, "its L1 table has 1 entries, a disk of 2457600 bytes needs 2"},
		{"an L1 table between clusters", func(b *builder) { u64(40, 3*c+8)(b.file) }, "its L1 table is not aligned to a cluster"},
		{"an L1 table over the header", func(b *builder) { u64(40, 0)(b.file) }, "its L1 table overlaps its header"},
		{"a snapshot table far away", func(b *builder) { u32(60, 1)(b.file); u64(64, 1<<50)(b.file) }, "its snapshot table ends beyond"},
		{"odd refcounts", func(b *builder) { u32(96, 9)(b.file) }, "its refcounts have 2^9 bits"},
		{"encrypted", func(b *builder) { u32(32, 2)(b.file) }, "it is encrypted"},
		{"a short header", func(b *builder) { u32(100, 96)(b.file) }, "its qcow2 header says that it has 96 bytes"},
		{"a long header", func(b *builder) { u32(100, 1<<30)(b.file) }, "its qcow2 header is truncated"},
		{"an unknown compression", func(b *builder) { u64(72, 8)(b.file); b.file[104] = 7 }, "an unknown compression (7)"},
		{"a data file named in an extension", func(b *builder) { u32(112, 0x44415441)(b.file); u32(116, 8)(b.file) }, "its data are in an external file"},
		{"another extension ahead of it", func(b *builder) {
			u32(112, 0x6803f857)(b.file)
			u32(116, 5)(b.file)
			u32(128, 0x44415441)(b.file)
		}, "its data are in an external file"},
		{"a VDI as well", func(b *builder) { copy(b.file[0x40:], "\x7f\x10\xda\xbe") }, "it has several formats at once: qcow2 and vdi"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			image := build(tc.change)
			err := diskimage.Check(bytes.NewReader(image), int64(len(image)), "qcow2")
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestVirtualSize(t *testing.T) {
	image := newBuilder(3, 12345678).image()
	// Only the head is known of a file that is not written yet.
	r := io.MultiReader(bytes.NewReader(image))
	if n, err := diskimage.VirtualSize(r, int64(len(image))); err != nil || n != 12345678 {
		t.Errorf("got %d, %v", n, err)
	}
	for _, bad := range []string{"", "<html>", "QFI\xfb"} {
		if _, err := diskimage.VirtualSize(strings.NewReader(bad), int64(len(bad))); err == nil {
			t.Errorf("%q has a size", bad)
		}
	}
}

// Checking a file does not panic and does not take long, whatever its content. An
// opened disk can be read or returns an error.
func FuzzDisk(f *testing.F) {
	b := newBuilder(3, 40<<smallBits)
	b.data(0, pattern(1, 1<<smallBits))
	f.Add(b.image())
	f.Add(standin.QCOW2())
	f.Fuzz(func(_ *testing.T, image []byte) {
		d, err := diskimage.OpenQCOW2(bytes.NewReader(image), int64(len(image)))
		if err != nil {
			return
		}
		defer d.Close()
		_, _ = io.Copy(io.Discard, io.NewSectionReader(d, 0, min(d.Size(), 1<<20)))
	})
}
