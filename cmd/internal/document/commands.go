package document

import (
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// A Validate is what `bayplan validate --json` prints, also for plans with mistakes.
type Validate struct {
	Plans    []ValidPlan `json:"plans"`    // those without mistakes
	Mistakes []Mistake   `json:"mistakes"` // of all plans
	Warnings []Mistake   `json:"warnings"` // what may be a mistake; stops nothing
}

// A ValidPlan is a plan without mistakes.
type ValidPlan struct {
	File  string `json:"file"`  // as it was named
	Plan  string `json:"plan"`  // its name
	Steps int    `json:"steps"` // how many it has
}

// Name returns ValidateName.
func (Validate) Name() Name { return ValidateName }

// A Status is what `bayplan status --json` prints.
type Status struct {
	Plan  string       `json:"plan"`  // its name
	Steps []StepStatus `json:"steps"` // in the order of the plan
}

// Name returns StatusName.
func (Status) Name() Name { return StatusName }

// A StepStatus is what the state records of a step.
type StepStatus struct {
	ID     string         `json:"id"`               // as in the plan
	Type   string         `json:"type"`             // of the step
	State  State          `json:"state"`            // what the state records of it
	At     time.Time      `json:"at,omitzero"`      // time of the last success, else of the last attempt
	Error  string         `json:"error,omitempty"`  // of the last attempt or verify
	Record *runner.Record `json:"record,omitempty"` // of the last success
}

// A State says how the last run of a step ended.
type State string

// All states.
const (
	StateDone        State = "done"
	StateFailed      State = "failed"
	StateRefuted     State = "refuted" // a verify found that it is not as wanted
	StateRunning     State = "running"
	StateInterrupted State = "interrupted"
	StateNever       State = "never"     // it has not run yet
	StateElsewhere   State = "elsewhere" // another site has done it, and its outputs are known here
)

// Words returns all states.
func (State) Words() []string {
	return []string{
		string(StateDone), string(StateFailed), string(StateRefuted),
		string(StateRunning), string(StateInterrupted), string(StateNever), string(StateElsewhere),
	}
}

// A Why is what `bayplan why --json` prints.
type Why struct {
	Plan     string               `json:"plan"`           // its name
	Step     Step                 `json:"step"`           // as a diff finds it
	First    bool                 `json:"first"`          // it has no record
	Last     *runner.Last         `json:"last,omitempty"` // its last entry in the state, if it has no record
	Inputs   []runner.InputChange `json:"inputs"`         // those that are not as recorded; without a record: all
	Upstream []string             `json:"upstream"`       // steps before it that would change something, in order
}

// Name returns WhyName.
func (Why) Name() Name { return WhyName }

// WhyOf returns why a step of a plan is, or is not, up to date.
func WhyOf(plan string, w *runner.Why) Why {
	return Why{Plan: plan, Step: StepOf(w.Step), First: w.First, Last: w.Last, Inputs: w.Inputs, Upstream: w.Upstream}
}

// A Lock is what `bayplan lock --json` prints.
type Lock struct {
	Plan    string            `json:"plan"`    // its name
	Tags    int               `json:"tags"`    // locked now
	Choices int               `json:"choices"` // locked now
	Changes []lockfile.Change `json:"changes"` // what is written to the lock file
	Steps   []Step            `json:"steps"`   // in the order of the plan
}

// Name returns LockName.
func (Lock) Name() Name { return LockName }

// LockOf returns the result of looking up all tags. tags and choices are how many are
// locked now.
func LockOf(plan string, tags, choices int, changes []lockfile.Change, r *runner.Report) Lock {
	if changes == nil {
		changes = []lockfile.Change{}
	}
	return Lock{Plan: plan, Tags: tags, Choices: choices, Changes: changes, Steps: stepsOf(r)}
}

// A Graph is what `bayplan graph --json` prints.
type Graph struct {
	Plan  string        `json:"plan"`  // its name
	Steps []GraphStep   `json:"steps"` // in the order of the plan
	Edges []runner.Edge `json:"edges"` // in the order of the steps that wait
	Order []string      `json:"order"` // ids of steps, each after all that it waits for
}

// A GraphStep is a step of a graph.
type GraphStep struct {
	ID    string `json:"id"`    // as in the plan
	Type  string `json:"type"`  // of the step
	Check bool   `json:"check"` // it only checks, and never changes anything
}

// Name returns GraphName.
func (Graph) Name() Name { return GraphName }

// GraphOf returns which step of a plan waits for which.
func GraphOf(g *runner.Graph) Graph {
	d := Graph{Plan: g.Plan.Name, Steps: []GraphStep{}, Edges: g.Edges(), Order: []string{}}
	for _, n := range g.Nodes {
		d.Steps = append(d.Steps, GraphStep{n.ID(), n.Type.Name, n.Type.Check})
	}
	for _, n := range g.Order() {
		d.Order = append(d.Order, n.ID())
	}
	if d.Edges == nil {
		d.Edges = []runner.Edge{}
	}
	return d
}

// An Explain is what `bayplan explain --json` prints: the step types and the parts of plans,
// or one of them.
type Explain struct {
	Types  []ExplainedType  `json:"types"`  // the step types
	Topics []ExplainedTopic `json:"topics"` // the parts of plans
}

// Name returns ExplainName.
func (Explain) Name() Name { return ExplainName }

// An ExplainedType is a step type.
type ExplainedType struct {
	Type        string            `json:"type"`        // its name
	Description string            `json:"description"` // what its steps do
	Check       bool              `json:"check"`       // its steps only check, and never change anything
	Settings    []Setting         `json:"settings"`    // what stands under with
	Outputs     []ExplainedOutput `json:"outputs"`     // what other steps may refer to
	Example     string            `json:"example"`     // a plan with a step of the type
}

// An ExplainedOutput is an output of the steps of a type.
type ExplainedOutput struct {
	Output      string `json:"output"`      // its name
	List        bool   `json:"list"`        // it is a list of texts
	Description string `json:"description"` // what it holds
}

// Kind returns what the output is, in the words of the plan language.
func (o ExplainedOutput) Kind() string {
	if o.List {
		return "list of text"
	}
	return "text"
}

// An ExplainedTopic is a part of plans.
type ExplainedTopic struct {
	Topic       string        `json:"topic"`       // its name
	Description string        `json:"description"` // as text for a terminal
	Parts       []TopicedPart `json:"parts"`       // the mappings that it describes
}

// A TopicedPart is a mapping of the plan with its settings.
type TopicedPart struct {
	Part     string    `json:"part"`     // as in connections.registries.NAME
	Settings []Setting `json:"settings"` // of the mapping
}

// A Setting is a setting of a step or another mapping of the plan.
type Setting struct {
	Setting     string `json:"setting"`           // its path: NAME, NAME.NAME, NAME[].NAME
	Kind        string `json:"kind"`              // what it may be, in the words of the plan language
	Required    bool   `json:"required"`          // in the mapping that it belongs to
	Default     any    `json:"default,omitempty"` // what holds without it; none: see the description
	Description string `json:"description"`       // what it means
}

// Form returns what the setting may be, whether it is required, and its default.
func (s Setting) Form() string {
	need := "optional"
	if s.Required {
		need = "required"
	}
	if s.Default != nil {
		need += fmt.Sprintf(", default %v", s.Default)
	}
	return s.Kind + ", " + need
}

// An ExplainImages is what `bayplan explain-images --json` prints.
type ExplainImages struct {
	Plan       string           `json:"plan"`       // its name
	Steps      []ExplainedStep  `json:"steps"`      // those that choose among the images of a release
	Selections []StepSelections `json:"selections"` // of images by their tags
}

// Name returns ExplainImagesName.
func (ExplainImages) Name() Name { return ExplainImagesName }

// An ExplainedStep has the verdicts of one step on its images.
type ExplainedStep struct {
	Step   string            `json:"step"`   // its id
	Images []tripleo.Verdict `json:"images"` // all images of the release
}

// A StepSelections is what a selection of a step by tags would choose now.
type StepSelections struct {
	Step         string            `json:"step"`            // its id
	Selection    string            `json:"selection"`       // what is selected, in the words of the lock file
	Repositories tagselect.Choices `json:"repositories"`    // how many tags each rule leaves of each
	Tags         []TagVerdict      `json:"tags,omitempty"`  // those that --tag names
	Error        string            `json:"error,omitempty"` // why nothing could be selected
}

// A TagVerdict says why an image was chosen or left out.
type TagVerdict struct {
	Image string `json:"image"`         // HOST/NAME:TAG
	In    bool   `json:"in"`            // it was chosen
	Why   string `json:"why,omitempty"` // it was left out
}

// A Version is what `bayplan version --json` prints.
type Version struct {
	Version string `json:"version"` // of bayplan
	Go      string `json:"go"`      // the version of Go that it was built with
	OS      string `json:"os"`      // as GOOS
	Arch    string `json:"arch"`    // as GOARCH
}

// Name returns VersionName.
func (Version) Name() Name { return VersionName }
