package ciformat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// notInSection are the characters that the name of a section may not have.
var notInSection = lazyregexp.New(`[^A-Za-z0-9_.-]+`)

// Section gives the markers around a part of a log that GitLab can fold ("Expand and
// collapse job log sections"). They hold control characters, which terminals do not show.
func Section(name, title string, begun time.Time) (begin string, end func(time.Time) string) {
	name = notInSection.ReplaceAllString(name, "_")
	begin = fmt.Sprintf("\x1b[0Ksection_start:%d:%s\r\x1b[0K%s\n", begun.Unix(), name, title)
	return begin, func(ended time.Time) string {
		return fmt.Sprintf("\x1b[0Ksection_end:%d:%s\r\x1b[0K\n", ended.Unix(), name)
	}
}

// CodeQualityFile is the usual name of the report that a job of GitLab declares under
// artifacts:reports:codequality.
const CodeQualityFile = "gl-code-quality-report.json"

// A codeQualityIssue is an entry of the report, in the part of Code Climate's form that
// GitLab reads ("Code Quality report format").
type codeQualityIssue struct {
	Description string   `json:"description"`
	CheckName   string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"` // different for each problem, the same as long as it is there
	Severity    string   `json:"severity"`    // info, minor, major, critical or blocker
	Location    location `json:"location"`
	Plans       []string `json:"plans,omitempty"` // of the command; GitLab takes no notice of it
}

type location struct {
	Path  string `json:"path"`
	Lines lines  `json:"lines"`
}

type lines struct {
	Begin int `json:"begin"`
}

// A Source is the command that has found problems.
type Source struct {
	Check string   // of its problems
	Plans []string // the files of its plans, relative to the repository
}

// CodeQuality returns a code quality report with the problems that a command has found.
// before is the report of the commands before it in the same job, or empty: GitLab takes one
// report of a job. What other commands, other programs and the same command on other plans
// have found stays in it. A problem without a file is at the first line of the first plan:
// GitLab shows none without a place.
func CodeQuality(before []byte, of Source, problems []Problem) ([]byte, error) {
	issues, err := issuesOfOthers(before, of)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	for _, p := range problems {
		if p.File == "" && len(of.Plans) > 0 {
			p.File, p.Line = of.Plans[0], 1
		}
		// The line is left out, so that a problem that moves within its file is not a new one.
		key := fmt.Sprintf("%q", []string{p.Check, p.File, p.Text})
		seen[key]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", key, seen[key]))
		severity := map[Severity]string{Error: "critical", Warning: "minor"}[p.Severity]
		issue, err := json.Marshal(codeQualityIssue{
			Description: p.Text, CheckName: p.Check, Severity: severity, Plans: of.Plans,
			Fingerprint: hex.EncodeToString(sum[:]), Location: location{p.File, lines{max(p.Line, 1)}},
		})
		if err != nil {
			return nil, err
		}
		issues = append(issues, issue)
	}
	text, err := json.MarshalIndent(issues, "", "  ")
	return append(text, '\n'), err
}

// issuesOfOthers returns the entries of a report that are not of this command on these plans.
func issuesOfOthers(report []byte, of Source) ([]json.RawMessage, error) {
	others := []json.RawMessage{}
	if len(bytes.TrimSpace(report)) == 0 {
		return others, nil
	}
	var all []json.RawMessage
	if err := json.Unmarshal(report, &all); err != nil {
		return nil, fmt.Errorf("read it: it is not a code quality report: %w", err)
	}
	for _, raw := range all {
		var issue codeQualityIssue
		if err := json.Unmarshal(raw, &issue); err != nil || issue.CheckName != of.Check || !slices.Equal(issue.Plans, of.Plans) {
			others = append(others, raw)
		}
	}
	return others, nil
}
