package standin_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/standin"
)

// TestQCOW2 follows the disk image from its header to its one cluster of data.
func TestQCOW2(t *testing.T) {
	b := standin.QCOW2()
	be := binary.BigEndian
	if string(b[:4]) != "QFI\xfb" || be.Uint32(b[4:]) != 3 {
		t.Fatalf("magic and version: %x", b[:8])
	}
	for name, at := range map[string]int{"backing file": 8, "incompatible features": 72, "compatible features": 80, "snapshots": 64} {
		if v := be.Uint64(b[at:]); v != 0 {
			t.Errorf("%s = %d, want 0", name, v)
		}
	}
	cluster := uint64(1) << be.Uint32(b[20:])
	l1Entries, l1 := uint64(be.Uint32(b[36:])), be.Uint64(b[40:])
	if span := l1Entries * cluster / 8 * cluster; span != be.Uint64(b[24:]) || span != standin.VirtualSize {
		t.Errorf("the L1 table spans %d bytes of a disk of %d", span, be.Uint64(b[24:]))
	}
	used := map[uint64]bool{0: true, l1: true, be.Uint64(b[48:]): true}
	offset := func(at uint64) uint64 { return be.Uint64(b[at:]) &^ (1 << 63) }
	refBlock, l2 := offset(be.Uint64(b[48:])), offset(l1)
	used[refBlock], used[l2], used[offset(l2)] = true, true, true
	for at := uint64(0); at < uint64(len(b)); at += cluster {
		want := uint16(0)
		if used[at] {
			want = 1
		}
		if got := be.Uint16(b[refBlock+at/cluster*2:]); got != want {
			t.Errorf("refcount of the cluster at %#x = %d, want %d", at, got, want)
		}
	}
	if len(used) != 6 || !bytes.Contains(b[offset(l2):], []byte("overcloud-full")) {
		t.Errorf("clusters in use: %v", used)
	}
}

func TestKernel(t *testing.T) {
	b := standin.Kernel("4.18.0-1.el8", 16<<10)
	if len(b) != 16<<10 {
		t.Errorf("%d bytes", len(b))
	}
	if string(b[0x202:0x206]) != "HdrS" || b[0x1fe] != 0x55 || b[0x1ff] != 0xaa || b[0x211]&1 == 0 {
		t.Errorf("header: %x", b[0x1f1:0x220])
	}
	le := binary.LittleEndian
	at := 0x200 + int(le.Uint16(b[0x20e:]))
	if !strings.HasPrefix(string(b[at:]), "4.18.0-1.el8 ") {
		t.Errorf("version = %q", b[at:at+20])
	}
	if code := (int(b[0x1f1])+1)*512 + int(le.Uint32(b[0x1f4:]))*16; code != len(b) {
		t.Errorf("setup and code are %d bytes of %d", code, len(b))
	}
}

func TestInitramfs(t *testing.T) {
	for _, n := range []int{1, 4 << 10, 200_000} {
		z, err := gzip.NewReader(bytes.NewReader(standin.Initramfs("agent", n)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{". 0", "etc 0", "etc/hostname 6", "init 51", "lib 0", fmt.Sprintf("lib/filler %d", n), "TRAILER!!! 0"}
		if diff := cmp.Diff(want, cpioList(t, b)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	}
}

// cpioList reads a newc archive and returns names and sizes.
func cpioList(t *testing.T, b []byte) []string {
	t.Helper()
	var list []string
	up4 := func(n int) int { return (n + 3) &^ 3 }
	for at := 0; ; {
		if string(b[at:at+6]) != "070701" {
			t.Fatalf("no header at %#x", at)
		}
		field := func(i int) int {
			v, err := strconv.ParseUint(string(b[at+6+8*i:at+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(v)
		}
		size, nameLen := field(6), field(11)
		name := string(b[at+110 : at+110+nameLen-1])
		list = append(list, fmt.Sprintf("%s %d", name, size))
		if name == "TRAILER!!!" {
			return list
		}
		at = up4(up4(at+110+nameLen) + size)
	}
}

// Each stand-in has the format that it is to have, and another name gives other bytes.
func TestDisk(t *testing.T) {
	for _, format := range diskimage.Formats() {
		b := standin.Disk(format, "a")
		if err := diskimage.Check(bytes.NewReader(b), int64(len(b)), format); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if bytes.Equal(b, standin.Disk(format, "b")) {
			t.Errorf("%s: two names give the same bytes", format)
		}
	}
}
