package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// A mediaComparison compares media in pieces, signed, with split, sha256sum and minisign. A run ends
// when its files are on the disk.
type mediaComparison struct {
	*bench
	dir      string
	pack     pair
	read     pair // what is there is checked, nothing is moved
	unpack   pair
	twoSteps measure.Samples // the second adds a small file
	tenSteps measure.Samples
	later    measure.Samples // a small file is added by a run of its own
}

// A pair holds the measurements of the same work by others and by bayplan.
type pair struct{ others, bayplan measure.Samples }

const (
	mediaFiles = 2
	mediaBytes = 1 << 30 // of each file
	mediaPiece = "256MiB"
)

// compareMedia runs the comparison of media.
func compareMedia(ctx context.Context, b *bench, w io.Writer) ([]goal, error) {
	m := &mediaComparison{bench: b, dir: filepath.Join(b.options.dir, "work", "media")}
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	for n := range m.runs {
		fmt.Fprintf(m.log, "bench: media %d\n", n+1)
		rounds := []func(context.Context) error{m.runOthers, m.runBayplan}
		if err := errors.Join(rounds[n%2](ctx), rounds[1-n%2](ctx), m.runSteps(ctx)); err != nil {
			return nil, err
		}
	}
	m.report(w)
	return m.goals(), os.RemoveAll(m.dir)
}

// prepare makes the key and the files, which no program can compress.
func (m *mediaComparison) prepare(ctx context.Context) error {
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "minisign"); err != nil {
		return fmt.Errorf("install minisign: %w", err)
	}
	if err := errors.Join(os.RemoveAll(m.dir), os.MkdirAll(m.dir, 0o755)); err != nil {
		return err
	}
	if err := measure.Quiet(ctx, "minisign", "-G", "-W", "-p", m.path("centre.pub"), "-s", m.path("centre.key")); err != nil {
		return err
	}
	for i := range mediaFiles {
		f, err := os.Create(m.path(mediaFile(i)))
		if err != nil {
			return err
		}
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{byte(i)}), mediaBytes)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (m *mediaComparison) path(name string) string { return filepath.Join(m.dir, name) }

func mediaFile(i int) string { return fmt.Sprintf("disk%d.raw", i) }

// timed runs a command in the folder, after all earlier writes are on the disk.
func (m *mediaComparison) timed(ctx context.Context, to *measure.Samples, argv ...string) error {
	if err := m.prepareMachine(ctx); err != nil {
		return err
	}
	s, err := measure.Run(ctx, m.dir, argv)
	*to = append(*to, s)
	return err
}

func (m *mediaComparison) runOthers(ctx context.Context) error {
	if err := m.fresh(); err != nil {
		return err
	}
	shell := func(to *measure.Samples, script string) error { return m.timed(ctx, to, "sh", "-ec", script) }
	return errors.Join(
		shell(&m.pack.others, `cat disk?.raw | split -b 256M -d -a 3 - media/m. && cd media && sha256sum m.0* >m.pieces && minisign -S -s ../centre.key -m m.pieces </dev/null && sync m.* .`),
		shell(&m.read.others, `cd media && minisign -V -q -p ../centre.pub -m m.pieces && sha256sum --quiet -c m.pieces`),
		shell(&m.unpack.others, `cd media && minisign -V -q -p ../centre.pub -m m.pieces && sha256sum --quiet -c m.pieces && cat m.0* | split -b 1G -d -a 1 - ../out/disk && sync ../out/disk* ../out`))
}

func (m *mediaComparison) runBayplan(ctx context.Context) error {
	if err := errors.Join(m.fresh(), m.write("outside.yaml", 0), m.writeInside()); err != nil {
		return err
	}
	if err := errors.Join(m.timed(ctx, &m.pack.bayplan, m.bayplan, "apply", "-f", "outside.yaml"), m.timed(ctx, &m.read.bayplan, m.bayplan, "diff", "-f", "inside.yaml"),
		m.timed(ctx, &m.unpack.bayplan, m.bayplan, "apply", "-f", "inside.yaml")); err != nil {
		return err
	}
	if err := m.write("later.yaml", 1); err != nil {
		return err
	}
	return m.timed(ctx, &m.later, m.bayplan, "apply", "-f", "later.yaml")
}

// runSteps measures runs whose further steps add a small file each to the same medium.
func (m *mediaComparison) runSteps(ctx context.Context) error {
	for more, to := range map[int]*measure.Samples{1: &m.twoSteps, 9: &m.tenSteps} {
		if err := errors.Join(m.fresh(), m.write("outside.yaml", more), m.timed(ctx, to, m.bayplan, "apply", "-f", "outside.yaml")); err != nil {
			return err
		}
	}
	return nil
}

// fresh removes what a run has made.
func (m *mediaComparison) fresh() error {
	var errs []error
	for _, name := range []string{"media", "out", ".bayplan"} {
		errs = append(errs, os.RemoveAll(m.path(name)))
	}
	return errors.Join(append(errs, os.MkdirAll(m.path("media"), 0o755), os.MkdirAll(m.path("out"), 0o755))...)
}

// write writes a plan whose first step packs the files, and further ones a small file each.
func (m *mediaComparison) write(name string, more int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: bayplan/v1\nname: outside\nsteps:\n")
	step := func(id int, files, needs string) {
		fmt.Fprintf(&b, "  s%d: {type: artifact%s, with: {name: 'disks/s%d:1', files: [%s], to: {layout: media/m.tar, split: %s, sign: {key: centre.key}}}}\n", id, needs, id, files, mediaPiece)
	}
	step(0, mediaFile(0)+", "+mediaFile(1), "")
	for i := range more {
		step(i+1, "centre.pub", fmt.Sprintf(", needs: [s%d]", i))
	}
	return os.WriteFile(m.path(name), []byte(b.String()), 0o600)
}

func (m *mediaComparison) writeInside() error {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: bayplan/v1\nname: inside\nsteps:\n")
	for i := range mediaFiles {
		fmt.Fprintf(&b, "  f%d: {type: fetch, with: {url: 'oci:%s:disks/s0:1', key: centre.pub, name: %s, to: out/%s}}\n", i, m.path("media/m.tar"), mediaFile(i), mediaFile(i))
	}
	return os.WriteFile(m.path("inside.yaml"), []byte(b.String()), 0o600)
}

func (m *mediaComparison) report(w io.Writer) {
	fmt.Fprintf(w, "\na signed medium of %d GiB in pieces of %s, on the disk; medians of %d\n\n", mediaFiles*mediaBytes>>30, mediaPiece, m.runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tsplit, sha256sum, minisign s\tfrom .. to\tCPU s\tbayplan s\tfrom .. to\tCPU s\t/ others\tMiB in memory")
	row := func(name string, p pair) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, seconds(p.others.WallTime()), p.others.WallRange(), seconds(p.others.CPUTime()),
			seconds(p.bayplan.WallTime()), p.bayplan.WallRange(), seconds(p.bayplan.CPUTime()), ratio(p.bayplan.WallTime(), p.others.WallTime()), peakText(p.bayplan))
	}
	row("pack", m.pack)
	row("check", m.read)
	row("unpack", m.unpack)
	for _, more := range []struct {
		name string
		is   measure.Samples
	}{{"pack, and add 1 small file", m.twoSteps}, {"pack, and add 9 one by one", m.tenSteps}, {"add 1 in a run of its own", m.later}} {
		row(more.name, pair{nil, more.is})
	}
	_ = t.Flush()
}

func (m *mediaComparison) goals() []goal {
	return []goal{
		atMost("media: bayplan packs / split, sha256sum and minisign", quotient(m.pack.bayplan.WallTime(), m.pack.others.WallTime()), 2),
		atMost("media: bayplan checks / minisign and sha256sum", quotient(m.read.bayplan.WallTime(), m.read.others.WallTime()), 1.1),
		atMost("media: bayplan unpacks / minisign, sha256sum and split", quotient(m.unpack.bayplan.WallTime(), m.unpack.others.WallTime()), 1.5),
		atMost("media: CPU of ten steps into one medium / of two", quotient(m.tenSteps.CPUTime(), m.twoSteps.CPUTime()), 1.3),
	}
}
