package metrics

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bayplan/bayplan/runner"
)

// read parses a file as Prometheus does, and returns each value by its name and labels.
// Every metric must have a help and a type.
func read(t *testing.T, file string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	values := map[string]float64{}
	for name, family := range families {
		if !strings.HasPrefix(name, "bayplan_") || family.GetHelp() == "" || family.GetType().String() != "GAUGE" {
			t.Errorf("%s: help %q, type %s", name, family.GetHelp(), family.GetType())
		}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			sort.Strings(labels)
			values[name+" "+strings.Join(labels, " ")] = m.GetGauge().GetValue()
		}
	}
	return values
}

func TestWrite(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // node_exporter must be able to read the file in any case
	file := filepath.Join(t.TempDir(), "bayplan.prom")
	ended := time.Date(2026, 11, 30, 10, 0, 0, 123456789, time.UTC)
	run := Run{
		Plan: "edge", Version: "1.2.3", Mode: runner.ModeApply, Ended: ended, Took: 90 * time.Second, ExitCode: 1, Items: 45,
		LastSuccess: ended.Add(-24 * time.Hour),
		Report: &runner.Report{Mode: runner.ModeApply, Steps: []*runner.StepReport{
			{Status: runner.Changed, Bytes: 600 << 20}, {Status: runner.Changed, Bytes: 1 << 20}, {Status: runner.Failed}, {Status: runner.Skipped},
		}},
	}
	if err := Write(file, run); err != nil {
		t.Fatal(err)
	}
	const of = " command=apply plan=edge"
	want := map[string]float64{
		"bayplan_last_run_timestamp_seconds" + of:             1796032800.123,
		"bayplan_last_run_duration_seconds" + of:              90,
		"bayplan_last_run_success" + of:                       0,
		"bayplan_last_run_exit_code" + of:                     1,
		"bayplan_last_success_timestamp_seconds" + of:         1795946400.123,
		"bayplan_last_run_steps" + of + " status=changed":     2,
		"bayplan_last_run_steps" + of + " status=unchanged":   0,
		"bayplan_last_run_steps" + of + " status=adopted":     0,
		"bayplan_last_run_steps" + of + " status=failed":      1,
		"bayplan_last_run_steps" + of + " status=skipped":     1,
		"bayplan_last_run_steps" + of + " status=interrupted": 0,
		"bayplan_last_run_items" + of:                         45,
		"bayplan_last_run_moved_bytes" + of:                   601 << 20,
		"bayplan_build_info" + of + " version=1.2.3":          1,
	}
	if diff := cmp.Diff(want, read(t, file)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
}

// The other commands, a run without any step, and names that need quotes.
func TestWriteOthers(t *testing.T) {
	diff := &runner.Report{Mode: runner.ModeDiff, Steps: []*runner.StepReport{
		{Status: runner.ToCreate, Finding: runner.Finding{Change: &runner.Change{Items: []runner.Item{{Bytes: 10}, {Bytes: 32}}}}},
	}}
	for _, tt := range []struct {
		name string
		run  Run
		want map[string]float64
	}{
		{"a diff", Run{Plan: "p", Mode: runner.ModeDiff, ExitCode: 3, Success: true, Report: diff}, map[string]float64{
			"bayplan_last_run_success command=diff plan=p":             1,
			"bayplan_last_run_steps command=diff plan=p status=create": 1,
			"bayplan_last_run_items command=diff plan=p":               2,
			"bayplan_last_run_moved_bytes command=diff plan=p":         42,
		}},
		{"a verify", Run{Plan: "p", Mode: runner.ModeVerify, Report: &runner.Report{Steps: []*runner.StepReport{{Status: runner.Verified}}}}, map[string]float64{
			"bayplan_last_run_steps command=verify plan=p status=verified": 1,
		}},
		{"no step was run", Run{Plan: "p", Mode: runner.ModeApply, ExitCode: 4}, map[string]float64{
			"bayplan_last_run_steps command=apply plan=p status=changed":  0,
			"bayplan_last_success_timestamp_seconds command=apply plan=p": 0,
			"bayplan_last_run_exit_code command=apply plan=p":             4,
		}},
		{"an odd name", Run{Plan: "a \"b\"\\\n\xffc", Mode: runner.ModeApply}, map[string]float64{
			"bayplan_last_run_success command=apply plan=a \"b\"\\\n\ufffdc": 0,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bayplan.prom")
			if err := Write(file, tt.run); err != nil {
				t.Fatal(err)
			}
			got := read(t, file)
			for name, want := range tt.want {
				if n, ok := got[name]; !ok || math.Abs(n-want) > 0.001 {
					t.Errorf("%s is %v, %v, want %v", name, n, ok, want)
				}
			}
		})
	}
}

func TestFormer(t *testing.T) {
	at := time.Date(2026, 11, 30, 10, 0, 0, 123e6, time.UTC)
	dir := t.TempDir()
	file := filepath.Join(dir, "bayplan.prom")
	for _, plan := range []string{"edge", `a "b" \ c`} {
		if err := Write(file, Run{Plan: plan, Mode: runner.ModeApply, LastSuccess: at}); err != nil {
			t.Fatal(err)
		}
		if got, ok := Former(file, runner.ModeApply); !ok || got.Plan != plan || !got.At.Equal(at) {
			t.Errorf("got %+v, %v", got, ok)
		}
		if got, ok := Former(file, runner.ModeVerify); ok {
			t.Errorf("of another command: %+v", got)
		}
	}
	if err := Write(file, Run{Plan: "edge", Mode: runner.ModeApply}); err != nil {
		t.Fatal(err)
	}
	if got, ok := Former(file, runner.ModeApply); !ok || !got.At.IsZero() {
		t.Errorf("never: %+v, %v", got, ok)
	}
	for name, text := range map[string]string{
		"empty": "", "other": "node_load1 3\n", "no number": lastSuccess + `{command="apply",plan="x"} x` + "\n",
		"negative": lastSuccess + `{command="apply",plan="x"} -1` + "\n", "endless": lastSuccess + `{command="apply",plan="x"} +Inf` + "\n",
		"not a number": lastSuccess + `{command="apply",plan="x"} NaN` + "\n", "cut": lastSuccess + `{command="apply",plan="x`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := Former(file, runner.ModeApply); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, ok := Former(dir, runner.ModeApply); ok {
		t.Error("a directory says something")
	}
}

func TestWriteNowhere(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("none/x", Run{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
