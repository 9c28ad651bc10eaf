package document

import (
	"time"

	"github.com/bayplan/bayplan/runner"
)

// A SiteReport is what `bayplan apply --report-to` and `bayplan verify --report-to` leave in a
// registry: what came of a run at a site. It holds no secrets.
type SiteReport struct {
	Site    string `json:"site"`               // its name
	StateID string `json:"state_id,omitempty"` // of the state at the site, made at random; "": no state could be kept
	Host    string `json:"host"`               // where it ran
	Version string `json:"version"`            // of bayplan

	Plan       string `json:"plan"`                  // its name, "" of one that cannot be read
	PlanDigest string `json:"plan_digest,omitempty"` // of the plan file; with files that it includes, of their digests, a line each
	LockDigest string `json:"lock_digest,omitempty"` // of the lock file after the run; "": there was none

	Mode runner.Mode `json:"mode"`           // which command it was
	Only []string    `json:"only,omitempty"` // what the run was limited to
	Skip []string    `json:"skip,omitempty"` // what it left out

	Began    time.Time `json:"began"`           // by the clock of the site
	Ended    time.Time `json:"ended"`           // by the clock of the site
	Took     float64   `json:"took"`            // seconds
	Verdict  Verdict   `json:"verdict"`         // how it ended
	ExitCode int       `json:"exit_code"`       // of the command
	Error    string    `json:"error,omitempty"` // why it failed: its first line

	FailingSince time.Time `json:"failing_since,omitzero"` // when the first run ended since which neither the whole plan nor the part that failed was done; by the clock of the site
	LastDone     time.Time `json:"last_done,omitzero"`     // when a run of the whole plan was done last; by the clock of the site
	Unsent       int       `json:"unsent,omitempty"`       // runs before this one whose reports could not be sent

	Counts  map[runner.Status]int `json:"counts,omitempty"`         // steps
	Items   int                   `json:"items,omitempty"`          // that were finished
	Bytes   int64                 `json:"bytes,omitempty"`          // moved
	Mounted int64                 `json:"mounted,omitempty"`        // bytes that registries had elsewhere and mounted
	Steps   []SiteStep            `json:"steps"`                    // those that have begun or were left out; failed ones first if there are very many
	LeftOut int                   `json:"steps_left_out,omitempty"` // steps for which there is no room

	Clock *SiteClock `json:"clock,omitempty"` // null: the registry does not say what time it is
	Other *OtherSite `json:"other,omitempty"` // what wrote to the tag last, if it is not this state
}

// Name returns SiteReportName.
func (SiteReport) Name() Name { return SiteReportName }

// A Verdict says in a word how a run ended.
type Verdict string

// All verdicts.
const (
	VerdictDone        Verdict = "done"
	VerdictFailed      Verdict = "failed"      // a step failed, or the run could not begin
	VerdictInterrupted Verdict = "interrupted" // by a signal
)

// Words returns all verdicts.
func (Verdict) Words() []string {
	return []string{string(VerdictDone), string(VerdictFailed), string(VerdictInterrupted)}
}

// A SiteStep is what came of a step at a site.
type SiteStep struct {
	ID     string        `json:"id"`              // as in the plan; of an instance ID["KEY"]
	Type   string        `json:"type"`            // of the step
	Status runner.Status `json:"status"`          // what came of it, in a word
	Items  int           `json:"items,omitempty"` // that were finished
	Bytes  int64         `json:"bytes,omitempty"` // moved
	Took   float64       `json:"took,omitempty"`  // seconds
	Error  string        `json:"error,omitempty"` // its first line
}

// A SiteClock is a reading of two clocks at the same moment, when a report was sent.
type SiteClock struct {
	Registry time.Time `json:"registry"`      // by the Date header of the registry's answer
	Site     time.Time `json:"site"`          // by the clock of the site
	Ahead    float64   `json:"ahead_seconds"` // of the site; negative: it is behind
}

// An OtherSite is another state that has written to a site's tag.
type OtherSite struct {
	StateID string    `json:"state_id"` // its name
	Host    string    `json:"host"`     // where it ran
	Ended   time.Time `json:"ended"`    // its run
}

// A Sites is what `bayplan status --reports-from --json` prints.
type Sites struct {
	From    string       `json:"from"`     // the repository: HOST/NAME
	Now     time.Time    `json:"now"`      // by the clock of the registry, or of this host if the registry tells no time
	Compare []SiteTarget `json:"compared"` // what the sites are compared with, a plan each
	Sites   []Site       `json:"sites"`    // the worst first
}

// Name returns SitesName.
func (Sites) Name() Name { return SitesName }

// A SiteTarget is the plan and the lock file that sites should have applied.
type SiteTarget struct {
	Plan       string `json:"plan"`                  // its name
	PlanDigest string `json:"plan_digest"`           // as in reports
	LockDigest string `json:"lock_digest,omitempty"` // as in reports
	File       string `json:"file,omitempty"`        // the plan, if it was named
	Tag        string `json:"tag,omitempty"`         // else the site whose report is the newest of this plan
}

// A Site is what is known of a site by its last report.
type Site struct {
	Tag   string    `json:"tag"`             // of its report
	State SiteState `json:"state"`           // in a word
	Since time.Time `json:"since,omitzero"`  // when it began to fail, or was heard of last; by the clock of the registry
	Error string    `json:"error,omitempty"` // why it fails, or cannot be read
	Notes []string  `json:"notes,omitempty"` // what people should know

	Site    string  `json:"site,omitempty"`     // its name, if there is a report
	StateID string  `json:"state_id,omitempty"` // as in the report
	Host    string  `json:"host,omitempty"`     // as in the report
	Version string  `json:"version,omitempty"`  // as in the report
	Verdict Verdict `json:"verdict,omitempty"`  // of its last run
	Age     float64 `json:"age_seconds"`        // of its last run; 0: there is no report
	Took    float64 `json:"took,omitempty"`     // seconds; of its last run
	Ahead   float64 `json:"ahead_seconds"`      // of its clock; negative: it is behind; 0: or not known
	Bytes   int64   `json:"bytes,omitempty"`    // moved by its last run

	Plan       string `json:"plan,omitempty"`        // as in the report
	PlanDigest string `json:"plan_digest,omitempty"` // as in the report
	LockDigest string `json:"lock_digest,omitempty"` // as in the report
}

// A SiteState says in a word how things are at a site.
type SiteState string

// All states of sites, the worst first.
const (
	SiteUnreadable SiteState = "unreadable" // the tag is not a report, or a damaged one, or cannot be read
	SiteSilent     SiteState = "silent"     // its last report is too old
	SiteFailing    SiteState = "failing"    // its last run of the whole plan was not done
	SiteBehind     SiteState = "behind"     // its last run was done, by another plan or lock file
	SiteDone       SiteState = "done"
)

// Words returns all states of sites.
func (SiteState) Words() []string {
	return []string{string(SiteUnreadable), string(SiteSilent), string(SiteFailing), string(SiteBehind), string(SiteDone)}
}
