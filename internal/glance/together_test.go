package glance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/transport"
)

// A stage lets several runs act on one cloud, one request at a time, in an order that the
// test chooses.
type stage struct {
	events chan event
	turns  []chan struct{}

	// fair makes a run that has looked twice in a row wait for the others. Then no run
	// sleeps for longer than another one's patience.
	fair bool
}

const (
	patient   = time.Minute
	impatient = 20 * time.Millisecond
)

// An event is a run that wants to send a request, or that has ended.
type event struct {
	run   int
	ended bool
	look  bool // the request only looks
}

// A gate is the transport of one run: each request waits for its turn.
type gate struct {
	base  http.RoundTripper
	stage *stage
	run   int
	open  bool
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if !g.open {
		g.stage.events <- event{run: g.run, look: r.Method == http.MethodGet}
		<-g.stage.turns[g.run]
	}
	resp, err := g.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body) // so that the cloud has done all of its work
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// An actor is one run: what it does with a client of its own.
type actor struct {
	want   glance.Want
	client *glance.Client
	gate   *gate
	img    glance.Image
	err    error
	kept   string
}

func (a *actor) converge(ctx context.Context) (glance.Image, error) {
	seen, err := a.client.List(ctx, a.want.Names()...)
	if err != nil {
		return glance.Image{}, err
	}
	return a.client.Converge(ctx, a.want, seen)
}

// newActors gives a run of its own owner for each want.
func newActors(t *testing.T, h http.Handler, patience time.Duration, wants ...glance.Want) (*stage, []*actor) {
	t.Helper()
	s := &stage{events: make(chan event), fair: patience == patient}
	var all []*actor
	for i, w := range wants {
		base, err := transport.New([]transport.Endpoint{{Host: "cloud.embedded", Handler: h}})
		if err != nil {
			t.Fatal(err)
		}
		a := &actor{want: w, gate: &gate{base: base, stage: s, run: i, open: true}}
		a.want.Owner = fmt.Sprintf("host %d", i)
		a.want.OnTwin = func(kept glance.Image) { a.kept = kept.ID }
		o := quick("http://cloud.embedded")
		o.Transport, o.Owner, o.Patience = a.gate, a.want.Owner, patience
		a.client = connect(t, o)
		s.turns = append(s.turns, make(chan struct{}))
		all = append(all, a)
	}
	return s, all
}

// play lets all runs converge at the same time. choose gives the run, out of those that
// want to send a request, that may send it next.
func (s *stage) play(all []*actor, choose func(ready []int) int) (order []int) {
	for i, a := range all {
		a.gate.open, a.kept = false, ""
		go func() {
			a.img, a.err = a.converge(context.Background())
			s.events <- event{run: i, ended: true}
		}()
	}
	waiting, looks := map[int]event{}, map[int]int{}
	for running := len(all); running > 0; {
		for len(waiting) < running {
			e := <-s.events
			if e.ended {
				running--
			} else {
				waiting[e.run] = e
			}
		}
		var ready, idle []int
		for i := range all {
			e, ok := waiting[i]
			switch {
			case ok && s.fair && e.look && looks[i] >= 2:
				idle = append(idle, i)
			case ok:
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			ready = idle
		}
		if len(ready) == 0 {
			continue
		}
		next := choose(ready)
		if waiting[next].look {
			looks[next]++
		} else {
			looks[next] = 0
		}
		for i := range looks {
			if i != next {
				looks[i] = 0 // something may have changed
			}
		}
		delete(waiting, next)
		order = append(order, next)
		s.turns[next] <- struct{}{}
	}
	for _, a := range all {
		a.gate.open = true
	}
	return order
}

// orders are the orders of requests that a test tries: their beginnings are all different,
// and they go on by chance.
func orders(try func(choose func(ready []int) int)) {
	const first = 5
	for bits := range 32 {
		chance := rand.New(rand.NewPCG(uint64(bits), 1)) //nolint:gosec // repeatable
		n := 0
		try(func(ready []int) int {
			if n++; n <= first {
				return ready[(bits>>n)&1%len(ready)]
			}
			return ready[chance.IntN(len(ready))]
		})
	}
}

// Runs of several hosts upload one name at the same time, in many orders of their
// requests. In the end one image has the name, each run that succeeded says which, nothing
// is left over, and a later run has nothing to do.
func TestConvergeTogether(t *testing.T) {
	data := content("new", 5000)
	sum := func(context.Context, string) (string, error) { return sha512Of(data), nil }
	same := want(name, data)
	hashed, converted := same, same
	hashed.SHA512, hashed.Sum = "", sum
	converted.SHA512, converted.Source, converted.Sum = "", "sha512:source", sum
	for _, tc := range []struct {
		name  string
		old   bool
		wants []glance.Want
		after []string
	}{
		{"one content", false, []glance.Want{same, same}, []string{"active"}},
		{"one content that replaces another", true, []glance.Want{same, same}, []string{"active", "backup active"}},
		{"hashed on the way", false, []glance.Want{hashed, same}, []string{"active"}},
		{"unpacked on the way", false, []glance.Want{converted, converted}, []string{"active"}},
		{"three hosts", true, []glance.Want{same, hashed, same}, []string{"active", "backup active"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			healthy := inside(t, emb)
			s, all := newActors(t, emb, patient, tc.wants...)
			n := 0
			orders(func(choose func([]int) int) {
				n++
				for _, a := range all {
					a.want.Name = fmt.Sprintf("image%04d", n)
				}
				if tc.old {
					mustConverge(t, healthy, want(all[0].want.Name, content("old", 1000)))
				}
				order := s.play(all, choose)
				checkTogether(t, healthy, all, order, tc.after)
				if t.Failed() {
					t.Fatalf("order of requests: %v", order)
				}
			})
		})
	}
}

func checkTogether(t *testing.T, c *glance.Client, all []*actor, order []int, after []string) {
	t.Helper()
	name := all[0].want.Name
	holder := named(t, c, name)
	for i, a := range all {
		// A run that found an image at its first look has changed nothing, and waits for
		// nothing.
		requests := 0
		for _, run := range order {
			if run == i {
				requests++
			}
		}
		if a.err != nil || len(holder) != 1 || requests > 1 && a.img.ID != holder[0].ID {
			t.Errorf("run %d gives %s (%v), and the name has %v", i, a.img.ID, a.err, holder)
		}
		if a.kept != "" && a.kept != holder[0].ID {
			t.Errorf("run %d says that %s keeps the name", i, a.kept)
		}
		checkHolds(t, a.client, a.want)
	}
	if diff := cmp.Diff(after, states(t, c, name)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// states gives the states of the images that have the name, had it, or were to have it.
func states(t *testing.T, c *glance.Client, name string) (states []string) {
	t.Helper()
	all, err := c.ListAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range all {
		switch rest, ok := strings.CutPrefix(img.Name, name); {
		case ok && rest == "":
			states = append(states, img.Status)
		case ok && strings.HasPrefix(rest, "_2"):
			states = append(states, "backup "+img.Status)
		case ok:
			states = append(states, rest+" "+img.Status)
		}
	}
	slices.Sort(states)
	return states
}

// named gives the active images with a name.
func named(t *testing.T, c *glance.Client, name string) []glance.Image {
	t.Helper()
	all, err := c.List(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Runs with different contents for one name: one content has the name in the end, and the
// other one is kept as a backup. A run that does not get the name says so, and gets it
// when it is repeated.
func TestConvergeTogetherWithOtherContent(t *testing.T) {
	emb := newCloud(t)
	healthy := inside(t, emb)
	s, all := newActors(t, emb, patient, want(name, content("one", 3000)), want(name, content("two", 4000)))
	n, lost := 0, 0
	orders(func(choose func([]int) int) {
		n++
		for _, a := range all {
			a.want.Name = fmt.Sprintf("image%04d", n)
		}
		order := s.play(all, choose)
		if diff := cmp.Diff([]string{"active", "backup active"}, states(t, healthy, all[0].want.Name)); diff != "" {
			t.Fatalf("order %v: images (-want +got):\n%s", order, diff)
		}
		if all[0].err != nil && all[1].err != nil {
			t.Fatalf("order %v: both fail: %v, %v", order, all[0].err, all[1].err)
		}
		for _, a := range all {
			if a.err == nil {
				continue
			}
			lost++
			if fault.Hint(a.err) == "" || !strings.Contains(a.err.Error(), "another run gives the name") {
				t.Fatalf("order %v: %v", order, a.err)
			}
			mustConverge(t, a.client, a.want)
			checkHolds(t, a.client, a.want)
		}
	})
	if lost == 0 {
		t.Error("no order had a run that lost the name")
	}
}

// A run that sleeps for long between any two of its requests, longer than another one
// waits for it, leaves no two images with the name, and no later run needs a person.
func TestConvergeBesideARunThatSleeps(t *testing.T) {
	w := want(name, content("new", 5000))
	for asleep := range 7 {
		for _, sleeper := range []int{0, 1} {
			emb := newCloud(t)
			s, all := newActors(t, emb, impatient, w, w)
			n := 0
			order := s.play(all, func(ready []int) int {
				if slices.Contains(ready, sleeper) && (n < asleep || len(ready) == 1) {
					n++
					return sleeper
				}
				return 1 - sleeper
			})
			if err := errors.Join(all[0].err, all[1].err); err != nil {
				t.Errorf("order %v: %v", order, err)
			}
			for _, a := range all {
				mustConverge(t, a.client, a.want)
				checkHolds(t, a.client, a.want)
			}
			if got := named(t, all[0].client, name); len(got) != 1 {
				t.Errorf("order %v: the name has %v", order, got)
			}
		}
	}
}
