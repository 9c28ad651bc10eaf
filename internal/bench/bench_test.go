package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServeCounter(t *testing.T) {
	b := newBed(t)
	in, ask := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveCounter(t.Context(), b.from, in, out) }()
	line := make([]byte, 100)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + strings.TrimSpace(string(line[:n])) + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	go func() { _, _ = io.WriteString(ask, "\n") }()
	if n, err = said.Read(line); err != nil {
		t.Fatal(err)
	}
	if got, want := string(line[:n]), `{"Requests":1,"Methods":{"GET":1},"BlobsIn":0,"BlobsOut":0}`+"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	_ = ask.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestStartTellsWhatDoesNotStart(t *testing.T) {
	if _, _, err := start(t.Context(), "/bin/sh", "-c", "exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the status", err)
	}
	c, said, err := start(t.Context(), "/bin/sh", "-c", "echo ready; cat >/dev/null")
	if err != nil || said != "ready" {
		t.Fatalf("said %q: %v", said, err)
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	s, err := measure(t.Context(), dir, []string{"/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $HOME >home"})
	if err != nil {
		t.Fatal(err)
	}
	if s.wall <= 0 || s.cpu <= 0 || s.memory < 100<<10 {
		t.Errorf("took %+v", s)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "home")); err != nil || strings.TrimSpace(string(got)) != dir {
		t.Errorf("its home is %q, want %q: %v", got, dir, err)
	}
	_, err = measure(t.Context(), dir, []string{"/bin/sh", "-c", "echo no room >&2; exit 4"})
	if err == nil || !strings.Contains(err.Error(), "exit status 4") || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v, want the status and what was said", err)
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		walls []time.Duration
		want  time.Duration
	}{
		{nil, 0},
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1}, 5},
		{[]time.Duration{9, 1, 2}, 2},
		{[]time.Duration{4, 9, 1, 2}, 3},
	}
	for _, tt := range tests {
		if got := timed(0, 0, tt.walls...).wall(); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.walls, got, tt.want)
		}
	}
}

// timed makes samples with these times.
func timed(cpu time.Duration, memory int64, walls ...time.Duration) samples {
	var all samples
	for _, w := range walls {
		all = append(all, sample{wall: w, cpu: cpu, memory: memory})
	}
	return all
}

func TestCommands(t *testing.T) {
	for _, tool := range tools() {
		j := job{
			dir: t.TempDir(), program: "/opt/" + tool.name, source: "127.0.0.1:5000", dest: "127.0.0.1:5001", set: "/var/set.json",
			images: []entry{{"rhosp13/a", "1", "sha256:aa"}, {"rhosp13/b", "2", "sha256:bb"}},
		}
		argv, err := tool.command(j)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(argv, j.program) {
			t.Errorf("%s: %q does not run %s", tool.name, argv, j.program)
		}
		all := strings.Join(argv, " ") + written(t, j.dir)
		for _, want := range []string{j.source, j.dest} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: %q does not name %s", tool.name, all, want)
			}
		}
		if tool.name != yardstickName && (!strings.Contains(all, "rhosp13/a") || !strings.Contains(all, "rhosp13/b")) {
			t.Errorf("%s: %q does not name all images", tool.name, all)
		}
		if _, version, _ := strings.Cut(tool.module, "@"); tool.module != "" && !strings.HasPrefix(version, "v") {
			t.Errorf("%s: %q is not pinned", tool.name, tool.module)
		}
	}
}

// written gives the text of all files in a directory.
func written(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestInstall(t *testing.T) {
	b := &bench{self: "/opt/bench", options: options{dir: t.TempDir(), bayplan: "/opt/bayplan"}}
	kept := filepath.Join(b.dir, "bin", "crane-v1", "crane")
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tool tool
		want string
	}{
		{tool{name: yardstickName}, "/opt/bench"},
		{tool{name: bayplanName}, "/opt/bayplan"},
		{tool{name: skopeoName}, "skopeo"},
		{tool{name: "crane", module: "example.com/crane@v1"}, kept},
	} {
		if got, err := b.install(t.Context(), tt.tool); got != tt.want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", tt.tool.name, got, err, tt.want)
		}
	}
}

func TestOptions(t *testing.T) {
	from := func(env map[string]string) (options, error) {
		return optionsFrom(func(name string) string { return env[name] })
	}
	got, err := from(map[string]string{
		"BENCH_DIR": "/var/bench", "BENCH_RUNS": "2", "BENCH_TOOLS": "crane, bayplan", "BENCH_FAR": "oras",
		"BENCH_LINE": "5ms/80", "BENCH_STRICT": "1", "BENCH_BAYPLAN": "/opt/bayplan",
	})
	want := options{
		dir: "/var/bench", bayplan: "/opt/bayplan", runs: 2, only: []string{"crane", "bayplan"}, far: []string{"oras"},
		delay: 5 * time.Millisecond, rate: 10e6, strict: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, err = from(map[string]string{"BENCH_DIR": "x"})
	if err != nil || got.runs != 5 || len(got.only) != len(tools()) || len(got.far) != 3 || got.rate != 50e6 || got.strict || !filepath.IsAbs(got.dir) {
		t.Errorf("by default: %+v, %v", got, err)
	}
	if got, err = from(map[string]string{"BENCH_DIR": "x", "BENCH_LINE": "none"}); err != nil || got.rate != 0 {
		t.Errorf("without a line: %+v, %v", got, err)
	}
	for name, bad := range map[string][]string{
		"BENCH_RUNS": {"0", "-1", "many"}, "BENCH_TOOLS": {"cranes"}, "BENCH_FAR": {"x"},
		"BENCH_LINE": {"30ms", "fast/400", "30ms/0", "-1ms/5", "30ms/x"},
	} {
		for _, value := range bad {
			if _, err := from(map[string]string{"BENCH_DIR": "x", name: value}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: got %v, want an error that names it", name, value, err)
			}
		}
	}
}

func TestRunRefusesUnknownArguments(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"seed"}, {"line", "a", "b"}, {"line", "a", "soon", "1"}, {"line", "a", "1s", "x"}, {"yardstick", "a", "b", "/does/not/exist"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// measured is a bench that reaches all goals.
func measured() *bench {
	b := &bench{
		options: options{runs: 1, rate: 50e6, delay: 30 * time.Millisecond},
		set:     &contents{Images: make([]entry, 45), Blobs: 132, References: 289, Unique: 600 << 20, Logical: 4900 << 20},
	}
	add := func(name string, wall, cpu time.Duration) *result {
		r := &result{tool: tool{name: name}, coldTime: timed(cpu, 20<<20, wall), warmTime: timed(cpu, 0, wall/100)}
		b.results = append(b.results, r)
		return r
	}
	add(yardstickName, 2*time.Second, time.Second/2).farTime = timed(0, 0, 13*time.Second)
	bay := add(bayplanName, 2200*time.Millisecond, 900*time.Millisecond)
	bay.farTime, bay.counted = timed(0, 30<<20, 13500*time.Millisecond), true
	bay.cold = passage{counts{Requests: 222, BlobsOut: 600 << 20}, counts{Requests: 512, BlobsIn: 600 << 20}}
	bay.warm = passage{counts{Requests: 45}, counts{Requests: 45}}
	add(skopeoName, 5*time.Second, 3*time.Second)
	add("crane", 12*time.Second, 7*time.Second)
	return b
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(b *bench, bay *result)
		missed string // what the line says
	}{
		{"a byte twice", func(_ *bench, bay *result) { bay.cold.source.BlobsOut++ }, "leaves the source once: 629145601 of"},
		{"a byte twice there", func(_ *bench, bay *result) { bay.cold.dest.BlobsIn++ }, "reaches the destination once"},
		{"a request", func(_ *bench, bay *result) { bay.cold.source.Requests++ }, "source requests, cold, at most 222: 223"},
		{"a request there", func(_ *bench, bay *result) { bay.cold.dest.Requests++ }, "destination requests, cold, at most 512: 513"},
		{"a warm request", func(_ *bench, bay *result) { bay.warm.source.Requests++ }, "source requests, warm, at most 45: 46"},
		{"a warm request there", func(_ *bench, bay *result) { bay.warm.dest.Requests++ }, "destination requests, warm"},
		{"slow", func(_ *bench, bay *result) { bay.coldTime[0].wall = 2350 * time.Millisecond }, "wall / yardstick, at most 1.15: 1.18"},
		{"busy", func(_ *bench, bay *result) { bay.coldTime[0].cpu = 1010 * time.Millisecond }, "CPU / yardstick"},
		{"slow far away", func(_ *bench, bay *result) { bay.farTime[0].wall = 14 * time.Second }, "source far away"},
		{"large far away", func(_ *bench, bay *result) { bay.farTime[0].memory = 64 << 20 }, "memory, under 64 MiB: 64 MiB"},
		{"skopeo is fast", func(b *bench, _ *result) { b.results[2].coldTime[0].wall = 4 * time.Second }, "times as fast as skopeo, at least 2: 1.82"},
		{"crane is fast", func(b *bench, _ *result) { b.results[3].coldTime[0].wall = 10 * time.Second }, "times as fast as crane, at least 5: 4.55"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := measured()
			tt.spoil(b, b.find(bayplanName))
			var out bytes.Buffer
			if missed := b.judge(&out); missed != 1 || !strings.Contains(out.String(), "MISSED  ") || !strings.Contains(out.String(), tt.missed) {
				t.Errorf("%d missed, want one with %q:\n%s", missed, tt.missed, &out)
			}
		})
	}
	var out bytes.Buffer
	if missed := measured().judge(&out); missed != 0 {
		t.Errorf("%d missed:\n%s", missed, &out)
	}
}

func TestJudgeLeavesOutWhatWasNotMeasured(t *testing.T) {
	var out bytes.Buffer
	b := measured()
	b.results = b.results[:1]
	if missed := b.judge(&out); missed != 0 || out.Len() > 0 {
		t.Errorf("%d missed:\n%s", missed, &out)
	}
}

func TestReport(t *testing.T) {
	b := measured()
	b.results[3].err = errors.New("install: no such version")
	b.results[3].coldTime, b.results[3].warmTime = nil, nil
	var out bytes.Buffer
	if err := b.report(&out); err != nil {
		t.Errorf("without one of the others: %v", err)
	}
	want := `
45 images, 132 blobs in 289 references, 600 MiB of 4900 MiB; medians of 1

tool       cold s  from .. to    / yardstick  / bayplan  CPU s  / yardstick  MiB in memory  source req / MiB  dest req / MiB  warm s  warm req
yardstick  2.00    2.00 .. 2.00  1.00         0.91       0.50   1.00         20             -                 -               0.02    -
bayplan    2.20    2.20 .. 2.20  1.10         1.00       0.90   1.80         20             222 / 600         512 / 600       0.02    45 + 45
skopeo     5.00    5.00 .. 5.00  2.50         2.27       3.00   6.00         20             -                 -               0.05    -
crane      -       -             -            -          -      -            -              -                 -               -       -

the source behind 30ms and 400 Mbit/s

tool       cold s  from .. to      / yardstick  / bayplan  CPU s  MiB in memory
yardstick  13.00   13.00 .. 13.00  1.00         0.96       -      -
bayplan    13.50   13.50 .. 13.50  1.04         1.00       -      30

crane: install: no such version
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReportFails(t *testing.T) {
	broken := errors.New("exit status 1")
	strict := measured()
	strict.strict, strict.find("crane").err = true, broken
	bay := measured()
	bay.find(bayplanName).err = broken
	for want, b := range map[string]*bench{"crane": strict, bayplanName: bay} {
		if err := b.report(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
	}
}
