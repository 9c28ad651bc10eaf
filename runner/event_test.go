package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEventsOfAnApply(t *testing.T) {
	l := newLab()
	l.on["a"] = func(_ context.Context, _ *fake, p Progress) error {
		for range 25 {
			time.Sleep(100 * time.Millisecond)
			p.Add(1000)
		}
		return nil
	}
	g := l.graph(t, "a: fake {says: hello}\nb: fake a {says: x}")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var got []string
		r := &Runner{Graph: g, Observe: func(e Event) {
			at := e.Time.Sub(began)
			if e.FormatVersion != FormatVersion {
				t.Errorf("an event has the version %d", e.FormatVersion)
			}
			e.Time = time.Time{}
			b, err := json.Marshal(e)
			must(t, err)
			got = append(got, fmt.Sprintf("%v %s", at, strings.Replace(string(b), `"format_version":1,"time":"0001-01-01T00:00:00Z",`, "", 1)))
		}}
		run(t, r.Apply)
		want := []string{
			`0s {"kind":"run-begin","mode":"apply","items":2}`,
			`0s {"kind":"step-begin","step":"a","type":"fake"}`,
			`0s {"kind":"step-change","step":"a","items":1,"total":1024,"message":"to say hello"}`,
			`1s {"kind":"progress","step":"a","bytes":9000,"total":1024}`,
			`2s {"kind":"progress","step":"a","bytes":19000,"total":1024}`,
			`2.5s {"kind":"item","step":"a","item":{"op":"create","what":"word","name":"hello"}}`,
			`2.5s {"kind":"step-end","step":"a","type":"fake","status":"changed","items":1,"bytes":26024,"total":1024,"took":2.5,"message":"to say hello"}`,
			`2.5s {"kind":"step-begin","step":"b","type":"fake"}`,
			`2.5s {"kind":"step-change","step":"b","items":1,"total":1024,"message":"to say x"}`,
			`2.5s {"kind":"item","step":"b","item":{"op":"create","what":"word","name":"x"}}`,
			`2.5s {"kind":"step-end","step":"b","type":"fake","status":"changed","items":1,"bytes":1024,"total":1024,"message":"to say x"}`,
			`2.5s {"kind":"run-end","mode":"apply","took":2.5,"message":"2 changed, 0 unchanged, 0 failed in 2.5s"}`,
		}
		// Whether the tick at 1 s or the tenth piece comes first is open.
		for i := range got {
			got[i] = strings.NewReplacer(`"bytes":10000`, `"bytes":9000`, `"bytes":20000`, `"bytes":19000`).Replace(got[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestFanOut(t *testing.T) {
	var got []string
	to := func(name string) func(Event) { return func(e Event) { got = append(got, name+" "+e.Step) } }
	FanOut(to("one"), nil, to("two"))(Event{Step: "a"})
	if diff := cmp.Diff([]string{"one a", "two a"}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
