package main

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
)

// An unpacking compares bayplan's untar with GNU tar, by one packing of the
// same archive after the other. Both have to have the files on the disk.
type unpacking struct {
	*bench
	results []*unpacked
}

// An unpacked is what one packing took.
type unpacked struct {
	packing
	gnu, bayplan samples
	again        samples // bayplan, when all is there
}

// A packing is a way to compress an archive, and how many times the time of
// GNU tar bayplan may take for it.
type packing struct {
	suffix  string
	command []string // compresses standard input
	most    float64
}

func packings() []packing {
	return []packing{
		{"tar", nil, 1},
		{"tar.zst", []string{"zstd", "-q", "-3", "-T2", "-c"}, 1},
		{"tar.gz", []string{"gzip", "-6", "-c"}, 1.15},
		// One block, as xz writes it unless it is asked for more, with the
		// dictionary of its default but in a tenth of the time.
		{"tar.xz", []string{"xz", "-T1", "--lzma2=preset=1,dict=8MiB", "-c"}, 2.5},
	}
}

// unpackFiles are the files of the archive: like the images of a release, one
// large and two small. Together they have 1 GiB.
var unpackFiles = []struct {
	name string
	size int64
}{{"overcloud-full.qcow2", 900 << 20}, {"overcloud-full.initrd", 110 << 20}, {"overcloud-full.vmlinuz", 14 << 20}}

// compareUntar is the comparison of untar.
func compareUntar(ctx context.Context, b *bench, w io.Writer) ([]goal, error) {
	u := &unpacking{bench: b}
	if err := u.run(ctx); err != nil {
		return nil, err
	}
	u.report(w)
	return u.goals(), nil
}

func (u *unpacking) run(ctx context.Context) error {
	if err := quietly(ctx, "internal/dev/integration/install.sh", "tar", "zstd", "gzip", "xz-utils"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	for _, p := range packings() {
		if err := u.pack(ctx, p); err != nil {
			return err
		}
		u.results = append(u.results, &unpacked{packing: p})
	}
	for n := range u.runs {
		for _, r := range u.results {
			fmt.Fprintf(u.say, "bench: untar %d: %s\n", n+1, r.suffix)
			if err := u.both(ctx, r, n); err != nil {
				return fmt.Errorf("%s: %w", r.suffix, err)
			}
		}
	}
	return nil
}

// both measures the two, in turns with the one and the other first.
func (u *unpacking) both(ctx context.Context, r *unpacked, round int) error {
	tools := []func() error{
		func() error { return u.gnu(ctx, r) },
		func() error { return u.own(ctx, r) },
	}
	return errors.Join(tools[round%2](), tools[1-round%2]())
}

// gnu unpacks with tar and makes sure that the files are on the disk.
func (u *unpacking) gnu(ctx context.Context, r *unpacked) error {
	dir, err := u.fresh(ctx, "gnu")
	if err != nil {
		return err
	}
	s, err := measure(ctx, dir, []string{"sh", "-c", `tar -C out -xf "$1" && sync out/* out`, "sh", u.archive(r.suffix)})
	if err != nil {
		return err
	}
	r.gnu = append(r.gnu, s)
	return u.there(dir)
}

// own unpacks with bayplan, and lets it look again.
func (u *unpacking) own(ctx context.Context, r *unpacked) error {
	dir, err := u.fresh(ctx, bayplanName)
	if err != nil {
		return err
	}
	plan := "apiVersion: bayplan/v1\nname: bench\nsteps:\n  images: {type: untar, with: {archive: %q, into: out}}\n"
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), fmt.Appendf(nil, plan, u.archive(r.suffix)), 0o600); err != nil {
		return err
	}
	for _, to := range []*samples{&r.bayplan, &r.again} {
		s, err := measure(ctx, dir, []string{u.bayplan, "apply"})
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return u.there(dir)
}

// fresh makes an empty directory, with nothing on its way to the disk.
func (u *unpacking) fresh(ctx context.Context, name string) (string, error) {
	dir := filepath.Join(u.dir, "work", "untar-"+name)
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "out"), 0o755), u.settle(ctx))
}

// there makes sure that it was done what was measured, and makes room again.
func (u *unpacking) there(dir string) error {
	for _, f := range unpackFiles {
		path := filepath.Join(dir, "out", f.name)
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		if fi.Size() != f.size {
			return fmt.Errorf("%s has %d bytes, want %d", path, fi.Size(), f.size)
		}
	}
	return os.RemoveAll(filepath.Join(dir, "out"))
}

// archiveVersion changes with what the archives hold, so that old ones are
// made anew.
const archiveVersion = "1"

func (u *unpacking) archive(suffix string) string {
	return filepath.Join(u.dir, "untar-"+archiveVersion+"."+suffix)
}

// pack makes an archive, unless it is there.
func (u *unpacking) pack(ctx context.Context, p packing) error {
	to := u.archive(p.suffix)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	fmt.Fprintln(u.say, "bench: make", to)
	out, err := os.Create(to + ".new")
	if err != nil {
		return err
	}
	defer out.Close()
	if p.command == nil {
		err = writeImages(out)
	} else {
		err = compress(ctx, p.command, u.archive("tar"), out)
	}
	if err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

func compress(ctx context.Context, argv []string, from string, to io.Writer) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, to, os.Stderr
	return cmd.Run()
}

func writeImages(w io.Writer) error {
	t := tar.NewWriter(w)
	for i, f := range unpackFiles {
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: f.size}); err != nil {
			return err
		}
		if err := writeImage(t, uint64(i), f.size); err != nil {
			return err
		}
	}
	return t.Close()
}

// writeImage writes what compresses about as well as a disk image does: some
// of it is empty, some cannot be compressed, and the most repeats itself like
// programs do, in short pieces out of what was not long ago.
func writeImage(w io.Writer, number uint64, size int64) error {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], number)
	source := rand.NewChaCha8(seed)
	rng := rand.New(source)
	block := make([]byte, 1<<20)
	for ; size > 0; size -= int64(len(block)) {
		switch kind := rng.IntN(20); {
		case kind < 3:
			clear(block)
		case kind < 6:
			_, _ = source.Read(block) // never gives an error
		default:
			repeat(rng, block)
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// repeat fills a block with short new pieces and longer ones that were before.
func repeat(rng *rand.Rand, block []byte) {
	for at := 0; at < len(block); {
		n := min(1+rng.IntN(12), len(block)-at)
		for range n {
			block[at] = byte(rng.IntN(200))
			at++
		}
		n = min(4+rng.IntN(28), len(block)-at)
		from := rng.IntN(min(at, 24<<10))
		for i := range n {
			block[at+i] = block[at-from-1+i]
		}
		at += n
	}
}

func (u *unpacking) report(w io.Writer) {
	fmt.Fprintf(w, "\nuntar of 1 GiB, on the disk when it is over; medians of %d\n\n", u.runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "archive\ttar + sync s\tfrom .. to\tbayplan s\tfrom .. to\t/ tar\tCPU s\tMiB in memory\tagain s\tCPU s")
	for _, r := range u.results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.suffix, seconds(r.gnu.wall()), r.gnu.span(),
			seconds(r.bayplan.wall()), r.bayplan.span(), ratio(r.bayplan.wall(), r.gnu.wall()), seconds(r.bayplan.cpu()),
			r.bayplan.peak(), seconds(r.again.wall()), seconds(r.again.cpu()))
	}
	_ = t.Flush()
}

func (u *unpacking) goals() []goal {
	var goals []goal
	var peak int64
	for _, r := range u.results {
		goals = append(goals, atMost("untar of "+r.suffix+" / GNU tar and sync", over(r.bayplan.wall(), r.gnu.wall()), r.most))
		// To hash the files again would take most of a second.
		goals = append(goals, atMost("untar of "+r.suffix+", second run / first", over(r.again.wall(), r.bayplan.wall()), 0.25))
		peak = max(peak, r.bayplan.memory())
	}
	return append(goals, flat(peak))
}
