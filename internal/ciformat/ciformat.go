// Package ciformat writes what CI systems read: GitHub's workflow commands, GitLab's log
// sections and code quality reports, and JUnit XML. It knows no plans and no runs.
package ciformat

import (
	"fmt"
)

// A System is a CI system, as a job of it sees itself.
type System string

// All systems. None is no CI system, or one without formats of its own.
const (
	None   System = ""
	GitHub System = "github" // GitHub Actions, and what takes its commands
	GitLab System = "gitlab" // GitLab CI
)

// Auto is the word for the system whose job this is.
const Auto = "auto"

// Words gives the words that Choose takes.
func Words() []string { return []string{string(GitHub), string(GitLab), Auto} }

// Choose gives the system that a word names. For auto, it is the one that the environment
// shows: jobs of GitHub have GITHUB_ACTIONS=true, jobs of GitLab GITLAB_CI=true.
func Choose(word string, variable func(name string) string) (System, error) {
	switch word {
	case "", string(GitHub), string(GitLab):
		return System(word), nil
	case Auto:
		switch {
		case variable("GITHUB_ACTIONS") == "true":
			return GitHub, nil
		case variable("GITLAB_CI") == "true":
			return GitLab, nil
		}
		return None, nil
	}
	return None, fmt.Errorf("there is no CI system %q; there are github, gitlab and auto", word)
}

// Root gives the folder of the repository in a job, "" if the environment does not say.
func (s System) Root(variable func(name string) string) string {
	switch s {
	case GitHub:
		return variable("GITHUB_WORKSPACE")
	case GitLab:
		return variable("CI_PROJECT_DIR")
	case None:
	}
	return ""
}

// A Severity says how bad a problem is.
type Severity string

// All severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Problem is something to tell at a place in a file.
type Problem struct {
	Severity Severity
	Check    string // what has found it, in a word
	File     string // relative to the repository, with slashes; "": none
	Line     int    // from 1; 0: none
	Column   int    // from 1; 0: none
	Title    string
	Text     string // may have several lines
}
