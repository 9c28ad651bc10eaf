package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A lab is the world of fake steps: what each of them has said so far, and
// what is to go wrong.
type lab struct {
	fills    map[string]map[string]Content    // of what a step says
	confirms map[string]func(f *fake) Outputs // outputs that Apply confirms
	mu       sync.Mutex
	said     map[string]string
	log      []string
	on       map[string]func(ctx context.Context, f *fake, p Progress) error // instead of Apply
	diff     map[string]func(ctx context.Context, f *fake, w World, prior *Record) (*Finding, error)
	check    map[string]func(ctx context.Context, f *fake) (Outputs, error) // instead of Verify
}

func newLab() *lab {
	return &lab{
		said: map[string]string{}, on: map[string]func(context.Context, *fake, Progress) error{},
		diff:     map[string]func(context.Context, *fake, World, *Record) (*Finding, error){},
		check:    map[string]func(context.Context, *fake) (Outputs, error){},
		confirms: map[string]func(*fake) Outputs{},
	}
}

func (l *lab) types() Types {
	fakes := func(name string, check bool) Type {
		return Type{
			Name: name, Check: check,
			Outputs: []Output{{Name: "text", Doc: "What it said."}, {Name: "list", Doc: "The same.", List: true}, {Name: "id", Doc: "A number."}},
			New:     func() Step { return &fake{lab: l} },
		}
	}
	return Types{fakes("fake", false), fakes("check", true), {Name: "mute", New: func() Step { return &fake{lab: l, mute: true} }}}
}

// A fake is a step that is done when the lab knows that it said what it is to say.
type fake struct {
	Says   string      `json:"says,omitempty"`
	List   []string    `json:"list,omitempty"`
	Number int         `json:"number,omitempty"`
	Reads  plan.Path   `json:"reads,omitempty"`
	Writes plan.Path   `json:"writes,omitempty"`
	Into   []plan.Path `json:"into,omitempty"`
	Makes  plan.Path   `json:"makes,omitempty"`
	Scans  plan.Path   `json:"scans,omitempty"`
	Fills  []string    `json:"fills,omitempty"` // the first is the place
	With   []string    `json:"with,omitempty"`  // the contents of fills
	Looks  []string    `json:"looks,omitempty"`
	Listed plan.Path   `json:"listed,omitempty"` // holds further names of fills and looks
	All    bool        `json:"all,omitempty"`
	Deep   []struct {
		Name string `json:"name"`
	} `json:"deep,omitempty"`

	lab  *lab
	id   string
	mute bool
}

func (f *fake) Sign(_, id string) { f.id = id }

func (f *fake) Validate() error {
	var errs []error
	if strings.Contains(f.Says, "nonsense") {
		errs = append(errs, plan.At("says", errors.New("is nonsense")))
	}
	if f.Number < 0 {
		errs = append(errs, plan.At("number", errors.New("is negative")))
	}
	return errors.Join(errs...)
}

func (f *fake) Paths() Paths {
	p := Paths{Reads: []string{string(f.Reads)}, Writes: []string{string(f.Writes)}, Makes: []string{string(f.Makes)}}
	for _, d := range f.Into {
		p.Into = append(p.Into, string(d))
	}
	p.Scans = []string{string(f.Scans)}
	lists := []string{string(f.Listed)}
	if f.Listed == "" {
		lists = nil
	}
	if len(f.Fills) > 0 {
		p.Fills = []Place{{Where: Where{Name: f.Fills[0]}, Names: f.Fills[1:], Contents: f.With, Lists: lists, Field: "fills"}}
	}
	if len(f.Looks) > 0 {
		p.Looks = []Place{{Where: Where{Name: f.Looks[0]}, Names: f.Looks[1:], Lists: lists, Field: "looks", All: f.All}}
	}
	return p
}

func (f *fake) want() string { return strings.Join(append([]string{f.Says}, f.List...), " ") }

func (f *fake) Inputs(ctx context.Context, w World) ([]Input, error) {
	if f.Reads == "" {
		return nil, nil
	}
	sums, err := w.Sum(ctx, string(f.Reads), SHA256)
	if err != nil {
		return nil, err
	}
	return []Input{{Name: "reads", Digest: sums[SHA256]}}, nil
}

func (f *fake) Diff(ctx context.Context, w World, prior *Record) (*Finding, error) {
	if diff := f.lab.diff[f.id]; diff != nil {
		return diff(ctx, f, w, prior)
	}
	return f.diffs()
}

// diffs compares what it has said with what it is to say.
func (f *fake) diffs() (*Finding, error) {
	f.lab.mu.Lock()
	defer f.lab.mu.Unlock()
	said, ok := f.lab.said[f.id]
	if ok && said == f.want() {
		return &Finding{Outputs: f.outputs(plan.Text("id-" + f.id)), Fills: f.lab.fills[f.Says]}, nil
	}
	item := Item{Op: Create, What: "word", Name: f.want(), Bytes: 1024}
	if ok {
		item.Op = Update
	}
	c := &Change{Summary: "to say " + f.want(), Items: []Item{item}, Apply: f.apply}
	if f.Writes != "" {
		c.Files = []File{{Path: string(f.Writes), Size: int64(len(f.want())), Mode: 0o644, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewBufferString(f.want())), nil
		}}}
	}
	return &Finding{Outputs: f.outputs(plan.Later("after " + f.id)), Change: c, Fills: f.lab.fills[f.Says]}, nil
}

func (f *fake) outputs(id plan.Value) Outputs {
	if f.mute {
		return nil
	}
	return Outputs{"text": plan.Text(f.want()), "list": plan.List(strings.Fields(f.want())...), "id": id}
}

func (f *fake) apply(ctx context.Context, p Progress) (Outputs, error) {
	if on := f.lab.on[f.id]; on != nil {
		if err := on(ctx, f, p); err != nil {
			return nil, err
		}
	}
	if f.Writes != "" {
		if err := os.WriteFile(string(f.Writes), []byte(f.want()), 0o644); err != nil {
			return nil, err
		}
	}
	f.lab.mu.Lock()
	f.lab.said[f.id] = f.want()
	f.lab.log = append(f.lab.log, f.id)
	f.lab.mu.Unlock()
	p.Add(1024)
	p.Done(Item{Op: Create, What: "word", Name: f.want()})
	if confirm := f.lab.confirms[f.id]; confirm != nil {
		return confirm(f), nil
	}
	return nil, nil
}

func (f *fake) Verify(ctx context.Context, _ World) (Outputs, error) {
	if check := f.lab.check[f.id]; check != nil {
		return check(ctx, f)
	}
	f.lab.mu.Lock()
	defer f.lab.mu.Unlock()
	if said, ok := f.lab.said[f.id]; !ok || said != f.want() {
		return nil, fmt.Errorf("said %q, want %q", said, f.want())
	}
	return f.outputs(plan.Text("id-" + f.id)), nil
}

// graph makes a graph of the steps of a plan file.
func (l *lab) graph(t *testing.T, steps string) *Graph {
	t.Helper()
	p, errs := plan.Parse(filepath.Join(t.TempDir(), "bayplan.yaml"), []byte(planOf(steps)), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	g, errs := Check(p, l.types())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return g
}

// planOf makes a plan file of its steps, one a line: "b: fake a {says: x}".
// A "" between the type and the braces is for no needs.
func planOf(steps string) string {
	var b strings.Builder
	b.WriteString("apiVersion: bayplan/v1\nname: story\nsteps:\n")
	for line := range strings.Lines(steps) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		head, with, _ := strings.Cut(line, "{")
		id, rest, _ := strings.Cut(head, ":")
		words := strings.Fields(rest)
		fmt.Fprintf(&b, "  %s: {type: %s, needs: [%s]", id, words[0], strings.Join(words[1:], ", "))
		if with, extra, _ := strings.Cut(with, "}"); with != "" {
			fmt.Fprintf(&b, ", with: {%s}%s", with, extra)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
