package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
	"github.com/bayplan/bayplan/internal/dev/bench/wire"
)

// A resetsComparison compares tools that copy an image with one large layer over a line
// that resets each connection after a small part of it. Most tools give up: what counts
// is whether the image arrives, and how many bytes that takes.
type resetsComparison struct {
	*mirrorComparison

	outcomes []resetsOutcome
}

// A resetsOutcome is what became of one copy.
type resetsOutcome struct {
	tool, direction string
	arrived         bool
	wall            time.Duration
	moved           int64 // bytes in the direction that resets
}

const (
	resetsLayer = 1 << 30
	resetsAfter = 30 << 20
	resetsLimit = 10 * time.Minute // of one copy
)

func resetsTools() []string { return []string{bayplanName, skopeoName, "crane", "regctl"} }

// compareResets runs the comparison over a line that resets.
func compareResets(ctx context.Context, b *bench, w io.Writer) (_ []goal, err error) {
	m := &resetsComparison{mirrorComparison: &mirrorComparison{bench: b}}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	for _, t := range tools() {
		if !slices.Contains(resetsTools(), t.name) {
			continue
		}
		program, err := m.install(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("install %s: %w", t.name, err)
		}
		for _, direction := range []string{"push", "pull"} {
			fmt.Fprintf(b.log, "bench: resets: %s %s\n", direction, t.name)
			if err := m.copy(ctx, &result{tool: t, program: program}, direction); err != nil {
				return nil, err
			}
		}
	}
	m.report(w)
	return m.goals(), nil
}

// open starts the registries.
func (m *resetsComparison) open(ctx context.Context) (err error) {
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "docker-registry", "skopeo"); err != nil {
		return fmt.Errorf("install Debian's packages: %w", err)
	}
	m.source, m.dest, m.set, err = m.openSeeded(ctx, "resets")
	return err
}

// seedResets pushes the image with the large layer and saves its name in a file.
func seedResets(ctx context.Context, host, file string) error {
	noise := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), resetsLayer) }
	sum, err := digest.FromReader(noise())
	if err != nil {
		return err
	}
	to, e := wire.New(host, 1), entry{Repository: "resets/large", Tag: "1"}
	conf := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["` + sum.String() + `"]}}`)
	m := manifest{
		SchemaVersion: 2, MediaType: typeManifest,
		Config: descriptor{typeConfig, int64(len(conf)), digestOf(conf)},
		Layers: []descriptor{{typeLayer, resetsLayer, sum.String()}},
	}
	for d, content := range map[descriptor]io.Reader{m.Config: bytes.NewReader(conf), m.Layers[0]: noise()} {
		at, err := to.StartUpload(ctx, e.Repository)
		if err == nil {
			err = to.FinishUpload(ctx, at, d.Digest, d.Size, content)
		}
		if err != nil {
			return err
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	e.Digest = digestOf(data)
	if err := to.PutManifest(ctx, e.Repository, e.Tag, data); err != nil {
		return err
	}
	return (&contents{Version: setVersion, Images: []entry{e}}).save(file)
}

// copy lets a tool copy the image once, with resets in one direction.
func (m *resetsComparison) copy(ctx context.Context, r *result, direction string) (err error) {
	if err := m.dest.Empty(ctx); err != nil {
		return err
	}
	j, err := m.job(r, m.source.Host, m.dest.Host)
	if err != nil {
		return err
	}
	host, sent, received := &j.dest, resetsAfter, 0
	if direction == "pull" {
		host, sent, received = &j.source, 0, resetsAfter
	}
	run, address, err := child.Start(ctx, m.self, "resets", *host, strconv.Itoa(sent), strconv.Itoa(received))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Stop()) }()
	*host = address
	argv, err := r.tool.command(j)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, resetsLimit)
	defer cancel()
	began := time.Now()
	_, failed := measure.Run(limited, j.dir, argv)
	if failed == nil {
		failed = checkImages(ctx, m.dest.Host, m.set.Images)
	}
	o := resetsOutcome{r.tool.name, direction, failed == nil, time.Since(began), 0}
	n, err := run.TakeCounts()
	if o.moved = n.BlobsIn; direction == "pull" {
		o.moved = n.BlobsOut
	}
	m.outcomes = append(m.outcomes, o)
	return errors.Join(err, ctx.Err())
}

func (m *resetsComparison) report(w io.Writer) {
	fmt.Fprintf(w, "\n%d MiB in one layer, connections reset after %d MiB, one copy each\n\n", resetsLayer>>20, resetsAfter>>20)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tdirection\tresult\ts\tMiB\ttimes the layer")
	for _, o := range m.outcomes {
		result := "gave up"
		if o.arrived {
			result = "arrived"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t%s\t%.2f\n", o.tool, o.direction, result, o.wall.Seconds(), mebibytes(o.moved), o.times())
	}
	_ = t.Flush()
}

func (o resetsOutcome) times() float64 { return float64(o.moved) / resetsLayer }

func (m *resetsComparison) goals() []goal {
	var all []goal
	for _, o := range m.outcomes {
		if o.tool == bayplanName {
			g := atMost("bytes of a "+o.direction+" over a line that resets, by the layer", o.times(), 1.1)
			g.met = g.met && o.arrived
			all = append(all, g)
		}
	}
	return all
}
