// Package reference writes the pages under docs/reference from what the code says of itself:
// the command line, the JSON Schemas, and the tables of exit codes, variables, files and
// metrics. It is no part of bayplan: a test of the command calls it and compares the pages.
package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/explain"
)

// An Input is what the pages are made of besides the tables of other packages.
type Input struct {
	App      *cli.App
	About    string            // what the program does, laid out for a terminal
	Examples map[string]string // real output by the name of a document
}

// A page is a page with its line in the index.
type page struct {
	path, title, about string
	text               string
}

// source begins every page. Readers do not see it.
const source = "<!-- Made of the code by `go generate ./schemas`. Change the code, not this page. -->\n\n"

// Pages returns all pages by their paths below docs/reference.
func Pages(in Input) (map[string]string, error) {
	all, err := explain.Document("")
	if err != nil {
		return nil, err
	}
	keys, err := explain.Keys()
	if err != nil {
		return nil, err
	}
	schemas, err := readSchemas()
	if err != nil {
		return nil, err
	}
	topics, err := explain.Sections()
	if err != nil {
		return nil, err
	}
	own := slices.IndexFunc(topics, func(t explain.Section) bool { return t.Topic == "connections" })
	if own < 0 {
		return nil, errors.New("no topic describes connections, which have a page of their own")
	}
	common, err := documents(schemas)
	if err != nil {
		return nil, err
	}
	list := []page{
		stepTypes(all), planLanguage(slices.Concat(topics[:own], topics[own+1:]), keys), connections(topics[own]), commands(in), sitesPage(), exitCodes(),
		common, environmentPage(), metricsPage(),
	}
	pages := map[string]string{"README.md": source + index(list)}
	for _, t := range all.Types {
		list = append(list, stepType(t))
	}
	for _, s := range schemas {
		list = append(list, documentPage(s, in.Examples[s.name]))
	}
	for _, p := range list {
		if p.path == SitesPage {
			continue // made elsewhere
		}
		pages[p.path] = source + "# " + p.title + "\n\n" + strings.TrimRight(p.text, "\n") + "\n"
	}
	return pages, nil
}

// index gives the first page.
func index(list []page) string {
	var out strings.Builder
	out.WriteString("# Reference\n\nAll that bayplan takes and gives, made of its code.\n\n")
	for _, p := range list {
		fmt.Fprintf(&out, "- [%s](%s): %s.\n", p.title, p.path, p.about)
	}
	out.WriteString("\nOn the command line, `bayplan explain`, `bayplan COMMAND --help` and `bayplan schema` say the same.\n")
	return out.String()
}

// settings writes a section for each setting, after a table of them. level is that of the
// headings of settings that belong to no other one. prefix goes before the names in headings.
func settings(out *strings.Builder, list []document.Setting, prefix string, level int) {
	var rows [][]string
	for _, s := range list {
		name := prefix + s.Setting
		rows = append(rows, []string{link(code(s.Setting), "", name), kind(s.Kind), need(s)})
	}
	table(out, []string{"setting", "form", "default"}, rows)
	for _, s := range list {
		depth := level + strings.Count(s.Setting, ".")
		fmt.Fprintf(out, "%s %s\n\n", strings.Repeat("#", min(depth, 6)), code(prefix+s.Setting))
		form := kind(s.Kind)
		form = strings.ToUpper(form[:1]) + form[1:]
		fmt.Fprintf(out, "%s; %s.\n\n%s\n\n", form, needText(s), prose(s.Description))
	}
}

func need(s document.Setting) string {
	switch {
	case s.Required:
		return "required"
	case s.Default != nil:
		return code(fmt.Sprint(s.Default))
	}
	return ""
}

func needText(s document.Setting) string {
	switch {
	case s.Required:
		return "required"
	case s.Default != nil:
		return "default " + code(fmt.Sprint(s.Default))
	}
	return "optional"
}
