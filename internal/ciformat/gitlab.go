package ciformat

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
}

type location struct {
	Path  string `json:"path"`
	Lines lines  `json:"lines"`
}

type lines struct {
	Begin int `json:"begin"`
}

// CodeQuality gives a code quality report. A problem without a file is at the first line of
// the file otherwise: GitLab shows none without a place.
func CodeQuality(problems []Problem, otherwise string) ([]byte, error) {
	issues := []codeQualityIssue{}
	seen := map[string]int{}
	for _, p := range problems {
		if p.File == "" {
			p.File, p.Line = otherwise, 1
		}
		// The line is left out, so that a problem that moves within its file is not a new one.
		key := fmt.Sprintf("%q", []string{p.Check, p.File, p.Text})
		seen[key]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", key, seen[key]))
		severity := map[Severity]string{Error: "critical", Warning: "minor"}[p.Severity]
		issues = append(issues, codeQualityIssue{
			Description: p.Text, CheckName: p.Check, Severity: severity,
			Fingerprint: hex.EncodeToString(sum[:]), Location: location{p.File, lines{max(p.Line, 1)}},
		})
	}
	text, err := json.MarshalIndent(issues, "", "  ")
	return append(text, '\n'), err
}
