package ciformat

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"time"
)

// A Suite is what one run of tests has found.
type Suite struct {
	Name       string
	Begun      time.Time
	Took       time.Duration
	Properties []Property
	Cases      []Case
}

// A Property is something to know about a Suite.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// A Case is one test.
type Case struct {
	Class, Name string
	Took        time.Duration
	Result      Result
	Message     string // of one that has not passed: one line
	Text        string // of one that has not passed: all there is to say
	Output      string // what else to know
}

// A Result is how a test has ended.
type Result int

// All results. A test that has failed found that something is not as it should be; a broken
// one could not find out.
const (
	Passed Result = iota
	Failed
	Broken
	Skipped
)

// The elements of JUnit XML, in the form that Jenkins, GitLab and others read: that of
// Jenkins' xUnit plugin, junit-10.xsd.
type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Time     string     `xml:"time,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string      `xml:"name,attr"`
		Tests      int         `xml:"tests,attr"`
		Failures   int         `xml:"failures,attr"`
		Errors     int         `xml:"errors,attr"`
		Skipped    int         `xml:"skipped,attr"`
		Time       string      `xml:"time,attr"`
		Timestamp  string      `xml:"timestamp,attr"`
		Properties *properties `xml:"properties"`
		Cases      []junitCase `xml:"testcase"`
	}
	properties struct {
		Property []Property `xml:"property"`
	}
	junitCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *outcome `xml:"failure"`
		Error   *outcome `xml:"error"`
		Skipped *outcome `xml:"skipped"`
		Output  string   `xml:"system-out,omitempty"`
	}
	outcome struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit gives a suite as JUnit XML. Characters that XML cannot have become U+FFFD.
func JUnit(s Suite) ([]byte, error) {
	out := junitSuite{
		Name: s.Name, Tests: len(s.Cases), Time: seconds(s.Took),
		Timestamp: s.Begun.UTC().Format("2006-01-02T15:04:05"), // without a zone, as Ant writes it
	}
	if len(s.Properties) > 0 {
		out.Properties = &properties{s.Properties}
	}
	for _, c := range s.Cases {
		j := junitCase{Class: c.Class, Name: c.Name, Time: seconds(c.Took), Output: c.Output}
		why := &outcome{c.Message, c.Text}
		switch c.Result {
		case Failed:
			j.Failure = why
			out.Failures++
		case Broken:
			j.Error = why
			out.Errors++
		case Skipped:
			j.Skipped = why
			out.Skipped++
		case Passed:
		}
		out.Cases = append(out.Cases, j)
	}
	text, err := xml.MarshalIndent(junitSuites{
		Name: s.Name, Tests: out.Tests, Failures: out.Failures, Errors: out.Errors, Time: out.Time, Suite: out,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write JUnit XML: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
