package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
)

// figures are what BenchmarkSites measures. Bytes are those of blobs, where nothing else is said.
type figures struct {
	Sites   int        `json:"sites"`
	First   runFigures `json:"first"`
	Again   runFigures `json:"again"`   // the same run, with nothing to do
	OneMore runFigures `json:"oneMore"` // with one site more, which lacks images

	Memory       int64 `json:"memory"`       // peak of the process with all workers and registries
	ServerMemory int64 `json:"serverMemory"` // peak of Temporal's server
}

// runFigures are those of one run.
type runFigures struct {
	Summary string  `json:"summary"`
	Wall    float64 `json:"wall"`  // seconds
	Bound   float64 `json:"bound"` // seconds that the slowest line needs for what its site lacked
	CPU     float64 `json:"cpu"`   // seconds of all processes

	Upstream  int64 `json:"upstream"`  // bytes that upstream has sent
	Unique    int64 `json:"unique"`    // bytes of its blobs, each once
	Centre    int64 `json:"centre"`    // bytes that the centre has sent to itself
	Egress    int64 `json:"egress"`    // bytes that the centre has sent to all sites
	Lacked    int64 `json:"lacked"`    // bytes that all sites lacked
	Unequal   int   `json:"unequal"`   // sites that were sent something else than what they lacked
	Manifests int64 `json:"manifests"` // bytes that the centre has sent to all sites besides blobs

	Events       int             `json:"events"`       // of the workflow's history
	HistoryBytes int             `json:"historyBytes"` // of all events
	Payloads     map[string]size `json:"payloads"`     // of events, by their kind
}

// A size is that of the events of one kind.
type size struct {
	Count int `json:"count"`
	Sum   int `json:"sum"`
	Most  int `json:"most"`
}

// site takes what the centre has sent to a site, and what the site lacked.
func (f *runFigures) site(s sent, lacked int64) {
	f.Egress += s.sum()
	f.Manifests += s.others
	f.Lacked += lacked
	if s.sum() != lacked {
		f.Unequal++
	}
	f.Bound = max(f.Bound, float64(lacked)/siteRate)
}

// history takes the sizes of the workflow's history.
func (f *runFigures) history(t testing.TB, c client.Client) {
	t.Helper()
	f.Payloads = map[string]size{}
	events := c.GetWorkflowHistory(context.Background(), flow.WorkflowID("sites"), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		n := e.Size()
		f.Events++
		f.HistoryBytes += n
		s := f.Payloads[e.GetEventType().String()]
		f.Payloads[e.GetEventType().String()] = size{s.Count + 1, s.Sum + n, max(s.Most, n)}
	}
}

// cpu returns the time of processors that this process and the server have taken.
func (w *world) cpu() time.Duration {
	w.t.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		w.t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.server.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	ticks := 0
	for _, text := range fields[12:14] { // utime and stime
		n, err := strconv.Atoi(text)
		if err != nil {
			w.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(own.Utime.Nano()+own.Stime.Nano()) + time.Duration(ticks)*time.Second/100
}

// peakMemory returns the most memory that a process has had, in bytes.
func peakMemory(t testing.TB, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
