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

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// An untarComparison compares bayplan's untar with GNU tar, for the same archive
// in each compression. A run ends when the files are on the disk.
type untarComparison struct {
	*bench
	results []*untarResult
}

// An untarResult holds the measurements of one compression.
type untarResult struct {
	compression
	gnu, bayplan measure.Samples
	secondRun    measure.Samples // bayplan, with all files there
}

// A compression is a way to compress an archive, with the goal for bayplan's
// time as a multiple of GNU tar's.
type compression struct {
	suffix  string
	command []string // compresses standard input
	most    float64  // bayplan's time / GNU tar's
}

func compressions() []compression {
	return []compression{
		{"tar", nil, 1},
		{"tar.zst", []string{"zstd", "-q", "-3", "-T2", "-c"}, 1},
		{"tar.gz", []string{"gzip", "-6", "-c"}, 1.15},
		// Like the default of xz: one block and the same dictionary, but in a
		// tenth of the time.
		{"tar.xz", []string{"xz", "-T1", "--lzma2=preset=1,dict=8MiB", "-c"}, 2.5},
	}
}

// unpackFiles are the files of the archive: one large and two small, like the
// images of a release. Together they have 1 GiB.
var unpackFiles = []struct {
	name string
	size int64
}{{"overcloud-full.qcow2", 900 << 20}, {"overcloud-full.initrd", 110 << 20}, {"overcloud-full.vmlinuz", 14 << 20}}

// compareUntar runs the comparison of untar.
func compareUntar(ctx context.Context, b *bench, w io.Writer) ([]goal, error) {
	u := &untarComparison{bench: b}
	if err := u.run(ctx); err != nil {
		return nil, err
	}
	u.report(w)
	return u.goals(), nil
}

func (u *untarComparison) run(ctx context.Context) error {
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "tar", "zstd", "gzip", "xz-utils"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	for _, p := range compressions() {
		if err := u.makeArchive(ctx, p); err != nil {
			return err
		}
		u.results = append(u.results, &untarResult{compression: p})
	}
	for n := range u.runs {
		for _, r := range u.results {
			fmt.Fprintf(u.log, "bench: untar %d: %s\n", n+1, r.suffix)
			if err := u.runBoth(ctx, r, n); err != nil {
				return fmt.Errorf("%s: %w", r.suffix, err)
			}
		}
	}
	return nil
}

// runBoth measures both tools. The one that goes first alternates.
func (u *untarComparison) runBoth(ctx context.Context, r *untarResult, round int) error {
	tools := []func() error{
		func() error { return u.runTar(ctx, r) },
		func() error { return u.runBayplan(ctx, r) },
	}
	return errors.Join(tools[round%2](), tools[1-round%2]())
}

// runTar measures GNU tar and sync.
func (u *untarComparison) runTar(ctx context.Context, r *untarResult) error {
	dir, err := u.emptyDir(ctx, "gnu")
	if err != nil {
		return err
	}
	s, err := measure.Run(ctx, dir, []string{"sh", "-c", `tar -C out -xf "$1" && sync out/* out`, "sh", u.archive(r.suffix)})
	if err != nil {
		return err
	}
	r.gnu = append(r.gnu, s)
	return u.checkFiles(dir)
}

// runBayplan measures a first and a second run of bayplan.
func (u *untarComparison) runBayplan(ctx context.Context, r *untarResult) error {
	dir, err := u.emptyDir(ctx, bayplanName)
	if err != nil {
		return err
	}
	plan := "apiVersion: bayplan/v1\nname: bench\nsteps:\n  images: {type: untar, with: {archive: %q, into: out}}\n"
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), fmt.Appendf(nil, plan, u.archive(r.suffix)), 0o600); err != nil {
		return err
	}
	for _, to := range []*measure.Samples{&r.bayplan, &r.secondRun} {
		s, err := measure.Run(ctx, dir, []string{u.bayplan, "apply"})
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return u.checkFiles(dir)
}

// emptyDir makes an empty directory and flushes all writes to the disk.
func (u *untarComparison) emptyDir(ctx context.Context, name string) (string, error) {
	dir := filepath.Join(u.dir, "work", "untar-"+name)
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "out"), 0o755), u.prepareMachine(ctx))
}

// checkFiles checks that the measured run unpacked the files, and removes them.
func (u *untarComparison) checkFiles(dir string) error {
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

// archiveVersion must change when the content of the archives changes, so that
// old archives are not reused.
const archiveVersion = "1"

func (u *untarComparison) archive(suffix string) string {
	return filepath.Join(u.dir, "untar-"+archiveVersion+"."+suffix)
}

// makeArchive makes an archive unless it exists.
func (u *untarComparison) makeArchive(ctx context.Context, p compression) error {
	to := u.archive(p.suffix)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	fmt.Fprintln(u.log, "bench: make", to)
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

// writeImage writes data that compresses about as well as a disk image. Some of
// it is empty and some is incompressible. Most of it repeats short recent pieces,
// as programs do.
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
			_, _ = source.Read(block) // never fails
		default:
			repeat(rng, block)
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// repeat fills a block with short new pieces and longer repeated ones.
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

func (u *untarComparison) report(w io.Writer) {
	fmt.Fprintf(w, "\nuntar of 1 GiB, synced to the disk; medians of %d\n\n", u.runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "archive\ttar + sync s\tfrom .. to\tbayplan s\tfrom .. to\t/ tar\tCPU s\tMiB in memory\tagain s\tCPU s")
	for _, r := range u.results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.suffix, seconds(r.gnu.WallTime()), r.gnu.WallRange(),
			seconds(r.bayplan.WallTime()), r.bayplan.WallRange(), ratio(r.bayplan.WallTime(), r.gnu.WallTime()), seconds(r.bayplan.CPUTime()),
			peakText(r.bayplan), seconds(r.secondRun.WallTime()), seconds(r.secondRun.CPUTime()))
	}
	_ = t.Flush()
}

func (u *untarComparison) goals() []goal {
	var goals []goal
	var peak int64
	for _, r := range u.results {
		goals = append(goals, atMost("untar of "+r.suffix+" / GNU tar and sync", quotient(r.bayplan.WallTime(), r.gnu.WallTime()), r.most))
		// Hashing the files again would take most of a second.
		goals = append(goals, atMost("untar of "+r.suffix+", second run / first", quotient(r.secondRun.WallTime(), r.bayplan.WallTime()), 0.25))
		peak = max(peak, r.bayplan.PeakMemory())
	}
	return append(goals, flatMemory(peak))
}
