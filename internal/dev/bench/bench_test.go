package main

import (
	"bytes"
	"context"
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

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/counter"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

func TestServeCounter(t *testing.T) {
	b := newBed(t)
	in, ask := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- counter.Run(t.Context(), b.from, in, out) }()
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

func TestStartReportsFailure(t *testing.T) {
	if _, _, err := child.Start(t.Context(), "/bin/sh", "-c", "exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the status", err)
	}
	c, said, err := child.Start(t.Context(), "/bin/sh", "-c", "echo ready; cat >/dev/null")
	if err != nil || said != "ready" {
		t.Fatalf("said %q: %v", said, err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	s, err := measure.Run(t.Context(), dir, []string{"/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $HOME >home"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Wall <= 0 || s.CPU <= 0 || s.Memory < 100<<10 {
		t.Errorf("took %+v", s)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "home")); err != nil || strings.TrimSpace(string(got)) != dir {
		t.Errorf("its home is %q, want %q: %v", got, dir, err)
	}
	_, err = measure.Run(t.Context(), dir, []string{"/bin/sh", "-c", "echo no room >&2; exit 4"})
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
		if got := timed(0, 0, tt.walls...).WallTime(); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.walls, got, tt.want)
		}
	}
}

// timed makes samples with the given wall times.
func timed(cpu time.Duration, memory int64, walls ...time.Duration) measure.Samples {
	var all measure.Samples
	for _, w := range walls {
		all = append(all, measure.Sample{Wall: w, CPU: cpu, Memory: memory})
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
		all := strings.Join(argv, " ") + allText(t, j.dir)
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

// allText returns the text of all files in a directory.
func allText(t *testing.T, dir string) string {
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
	b := &mirrorComparison{bench: &bench{self: "/opt/bench", options: options{dir: t.TempDir(), bayplan: "/opt/bayplan"}}}
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

func TestRunSelectsComparisons(t *testing.T) {
	made := func(goals []goal, err error) func(context.Context, *bench, io.Writer) ([]goal, error) {
		return func(_ context.Context, b *bench, w io.Writer) ([]goal, error) {
			_, _ = io.WriteString(w, b.bayplan+"\n")
			return goals, err
		}
	}
	all := []comparison{
		{"fast", made([]goal{atMost("wall / yardstick", 1.1, 1.15)}, nil)},
		{"slow", made([]goal{atLeast("times as fast as tar", 0.5, 2), flatMemory(64 << 20)}, nil)},
		{"broken", made(nil, errors.New("no such tool"))},
		{"other", made(nil, errors.New("not asked for"))},
	}
	tests := []struct {
		name   string
		only   []string
		strict bool
		want   string
		err    string
	}{
		{"met", []string{"fast"}, true, "bayplan\n\nmet     wall / yardstick, at most 1.15: 1.10\n", ""},
		{
			"missed", []string{"fast", "slow"}, false, "bayplan\n\nmet     wall / yardstick, at most 1.15: 1.10\n" +
				"bayplan\n\nMISSED  times as fast as tar, at least 2: 0.50\nMISSED  memory, under 64 MiB: 64 MiB\n", "",
		},
		{"strict", []string{"slow"}, true, "bayplan\n\nMISSED  times as fast as tar, at least 2: 0.50\nMISSED  memory, under 64 MiB: 64 MiB\n", "2 goals missed"},
		{"broken", []string{"broken"}, false, "bayplan\n", "broken: no such tool"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{options: options{bayplan: "bayplan", only: tt.only, strict: tt.strict}}
			var out bytes.Buffer
			err := b.run(t.Context(), &out, all)
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	from := func(env map[string]string) (options, error) {
		return optionsFrom(func(name string) string { return env[name] })
	}
	got, err := from(map[string]string{
		"BENCH_DIR": "/var/bench", "BENCH_ONLY": "mirror", "BENCH_RUNS": "2", "BENCH_TOOLS": "crane, bayplan", "BENCH_FAR": "oras",
		"BENCH_LINE": "5ms/80", "BENCH_STRICT": "1", "BENCH_BAYPLAN": "/opt/bayplan", "BENCH_BEFORE": "/opt/older",
	})
	want := options{
		dir: "/var/bench", bayplan: "/opt/bayplan", before: "/opt/older", runs: 2, only: []string{"mirror"}, tools: []string{"crane", "bayplan"}, far: []string{"oras"},
		delay: 5 * time.Millisecond, rate: 10e6, strict: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, err = from(map[string]string{"BENCH_DIR": "x"})
	if err != nil || got.runs != 5 || len(got.only) != len(comparisons()) || len(got.tools) != len(tools()) || len(got.far) != 3 || got.rate != 50e6 || got.strict || !filepath.IsAbs(got.dir) {
		t.Errorf("by default: %+v, %v", got, err)
	}
	if got, err = from(map[string]string{"BENCH_DIR": "x", "BENCH_LINE": "none"}); err != nil || got.rate != 0 {
		t.Errorf("without a line: %+v, %v", got, err)
	}
	for name, bad := range map[string][]string{
		"BENCH_RUNS": {"0", "-1", "many"}, "BENCH_TOOLS": {"cranes"}, "BENCH_ONLY": {"mirrors"}, "BENCH_FAR": {"x"},
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
