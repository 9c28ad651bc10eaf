// Package document has the form of all JSON that bayplan prints for programs: a Go type a
// document, from which the schemas under schemas/ are generated. It knows neither flags nor
// where documents go.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/bayplan/bayplan/runner"
)

// A Document is what a command prints as one JSON object.
type Document interface {
	// Name returns which document it is. Name may be called on a zero value.
	Name() Name
}

// A Name is the name of a document, and of its schema: schemas/NAME.v1.schema.json.
type Name string

// All documents. Events is a stream with one object a line.
const (
	DiffName          Name = "diff"
	EventsName        Name = "events"
	ReportName        Name = "report"
	ValidateName      Name = "validate"
	StatusName        Name = "status"
	WhyName           Name = "why"
	LockName          Name = "lock"
	GraphName         Name = "graph"
	ExplainName       Name = "explain"
	ExplainImagesName Name = "explain-images"
	VersionName       Name = "version"
	HistoryName       Name = "history"
	DoctorName        Name = "doctor"
	SiteReportName    Name = "site-report"
	SitesName         Name = "sites"
)

// Forms returns for each document the types of the JSON objects that it may be: what a
// command prints, and the failure that it prints in its place. A report of a site is printed
// by none.
func Forms() map[Name][]reflect.Type {
	forms := map[Name][]reflect.Type{
		EventsName:     {reflect.TypeFor[runner.Event](), reflect.TypeFor[FailureLine]()},
		SiteReportName: {reflect.TypeFor[SiteReport]()},
	}
	for _, d := range []Document{Diff{}, Report{}, Validate{}, Status{}, Why{}, Lock{}, Graph{}, Explain{}, ExplainImages{}, Version{}, History{}, Doctor{}, Sites{}} {
		forms[d.Name()] = []reflect.Type{reflect.TypeOf(d), reflect.TypeFor[Failure]()}
	}
	return forms
}

// A Head is how every document begins.
type Head struct {
	FormatVersion int  `json:"format_version"`
	Document      Name `json:"document"`
}

// Marshal returns a document as JSON of one line, which begins with its Head.
func Marshal(d Document) ([]byte, error) { return withHead(d.Name(), d) }

// MarshalIndent returns a document as JSON of several lines, with a line break at its end.
func MarshalIndent(d Document) ([]byte, error) {
	b, err := Marshal(d)
	return indented(b), err
}

// indented gives JSON that was marshalled in several lines.
func indented(b []byte) []byte {
	var text bytes.Buffer
	if json.Indent(&text, b, "", "  ") != nil {
		return nil
	}
	text.WriteByte('\n')
	return text.Bytes()
}

// withHead writes the Head before the first field of a struct.
func withHead(name Name, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", name, err)
	}
	head, err := json.Marshal(Head{runner.FormatVersion, name})
	if err != nil {
		return nil, err
	}
	if len(b) > len("{}") {
		head[len(head)-1] = ','
		return append(head, b[1:]...), nil
	}
	return head, nil
}
