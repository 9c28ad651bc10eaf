package ciformat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var suite = Suite{
	Name: `bayplan diff "a" <b> & c`, Begun: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 12345678 * time.Microsecond,
	Properties: []Property{{"bayplan.version", "v1"}},
	Cases: []Case{
		{Class: "a", Name: "good", Took: time.Second, Output: "2 images to copy"},
		{Class: "a", Name: "bad", Result: Failed, Message: "refused", Text: "line 1\nline 2 ]]> <x>"},
		{Class: "a", Name: "stopped", Result: Broken, Message: "interrupted\x00\x1b[31m"},
		{Class: "a", Name: "left out", Result: Skipped, Message: "bad failed"},
	},
}

func TestJUnit(t *testing.T) {
	text, err := JUnit(suite)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bayplan diff &#34;a&#34; &lt;b&gt; &amp; c" tests="4" failures="1" errors="1" time="12.346">
  <testsuite name="bayplan diff &#34;a&#34; &lt;b&gt; &amp; c" tests="4" failures="1" errors="1" skipped="1" time="12.346" timestamp="2026-01-02T03:04:05">
    <properties>
      <property name="bayplan.version" value="v1"></property>
    </properties>
    <testcase classname="a" name="good" time="1.000">
      <system-out>2 images to copy</system-out>
    </testcase>
    <testcase classname="a" name="bad" time="0.000">
      <failure message="refused">line 1&#xA;line 2 ]]&gt; &lt;x&gt;</failure>
    </testcase>
    <testcase classname="a" name="stopped" time="0.000">
      <error message="interrupted��[31m"></error>
    </testcase>
    <testcase classname="a" name="left out" time="0.000">
      <skipped message="bad failed"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// The published schema has every element and attribute where it is, and nothing that it
// requires is missing. See testdata/README.md for where the schema comes from.
func TestJUnitSchema(t *testing.T) {
	for name, s := range map[string]Suite{"full": suite, "empty": {}} {
		text, err := JUnit(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkXML(readSchema(t), text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{
		`<testsuites><testsuite name="a" tests="1" failures="0" errors="0"><testcase/></testsuite></testsuites>`,
		`<testsuites><testcase name="a"/></testsuites>`,
		`<testsuites nothing="1"/>`,
		`<testsuites>text</testsuites>`,
	} {
		if err := checkXML(readSchema(t), []byte(bad)); err == nil {
			t.Errorf("nothing is wrong with %s", bad)
		}
	}
}

// An xsdNode is an element of a schema.
type xsdNode struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []xsdNode  `xml:",any"`
}

func (n xsdNode) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// walk calls do for all nodes below n with a name.
func (n xsdNode) walk(name string, do func(xsdNode)) {
	for _, c := range n.Children {
		if c.XMLName.Local == name {
			do(c)
		}
		c.walk(name, do)
	}
}

// An xsdElement is what a schema says of an element: its attributes, true for those that it
// must have, the elements in it, and whether it may hold text.
type xsdElement struct {
	attrs    map[string]bool
	children map[string]bool
	text     bool
}

// readSchema reads the elements of the schema. It knows what that schema uses of XML Schema:
// global elements, references to them, and attributes; not the order of elements, since the
// schema leaves that open.
func readSchema(t *testing.T) map[string]xsdElement {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "junit-10.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	var root xsdNode
	if err := xml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	all := map[string]xsdElement{}
	for _, n := range root.Children {
		if n.XMLName.Local != "element" {
			continue
		}
		e := xsdElement{attrs: map[string]bool{}, children: map[string]bool{}, text: n.attr("type") == "xs:string"}
		n.walk("attribute", func(a xsdNode) { e.attrs[a.attr("name")] = a.attr("use") == "required" })
		n.walk("element", func(c xsdNode) { e.children[c.attr("ref")] = true })
		n.walk("complexType", func(c xsdNode) { e.text = e.text || c.attr("mixed") == "true" })
		all[n.attr("name")] = e
	}
	if len(all) < 10 {
		t.Fatalf("the schema has %d elements", len(all))
	}
	return all
}

// checkXML compares a document with the elements of a schema.
func checkXML(schema map[string]xsdElement, text []byte) error {
	var path []string
	for tokens := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if len(path) > 0 && !schema[path[len(path)-1]].children[name] {
				return fmt.Errorf("%s in %v", name, path)
			}
			path = append(path, name)
			if err := checkAttributes(schema, token); err != nil {
				return err
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 0 && strings.TrimSpace(string(token)) != "" && !schema[path[len(path)-1]].text {
				return fmt.Errorf("text in %v", path)
			}
		}
	}
}

func checkAttributes(schema map[string]xsdElement, e xml.StartElement) error {
	known, ok := schema[e.Name.Local]
	if !ok {
		return fmt.Errorf("unknown element %s", e.Name.Local)
	}
	given := map[string]bool{}
	for _, a := range e.Attr {
		given[a.Name.Local] = true
		if _, ok := known.attrs[a.Name.Local]; !ok {
			return fmt.Errorf("%s has no attribute %s", e.Name.Local, a.Name.Local)
		}
	}
	for name, required := range known.attrs {
		if required && !given[name] {
			return fmt.Errorf("%s lacks %s", e.Name.Local, name)
		}
	}
	return nil
}
