package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/page"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

func (p *program) graphCommand() *cli.Command {
	return &cli.Command{
		Name:  "graph",
		Usage: "print which step waits for which",
		Flags: append(planFlags(), commandline.JSONFlag(), &cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT`: text, dot, mermaid or svg"}),
		Action: func(c *cli.Context) error {
			draw := map[string]func(io.Writer, *runner.Graph) error{
				"text": graphText, "dot": graphDot, "mermaid": graphMermaid, "svg": graphSVG,
			}[c.String("format")]
			if draw == nil {
				err := fmt.Errorf("graph: there is no format %q; choose text, dot, mermaid or svg", c.String("format"))
				return commandline.Usage(fault.WithHint(err, human.DidYouMean(c.String("format"), []string{"text", "dot", "mermaid", "svg"})))
			}
			if c.Bool("json") && c.IsSet("format") {
				return commandline.Usage(errors.New("graph: --json and --format are two forms; choose one"))
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.PrintDocument(document.GraphOf(s.graph))
			}
			return draw(p.Stdout, s.graph)
		},
	}
}

// graphText prints the steps in an order in which they could run one at a time.
func graphText(w io.Writer, g *runner.Graph) error {
	var b strings.Builder
	for _, n := range g.Order() {
		fmt.Fprintf(&b, "%s (%s)", n.ID(), n.Type.Name)
		for i, e := range n.Needs {
			fmt.Fprintf(&b, "%s%s", []string{" <- ", ", "}[min(i, 1)], e.From)
			if e.Kind == runner.Reference {
				b.WriteString("." + e.Output)
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func graphDot(w io.Writer, g *runner.Graph) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR;\n  node [shape=box];\n", g.Plan.Name)
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "  %q [label=%q];\n", n.ID(), n.ID()+"\n"+n.Type.Name)
	}
	for _, e := range g.Edges() {
		if e.Kind == runner.Reference {
			fmt.Fprintf(&b, "  %q -> %q [label=%q];\n", e.From, e.To, e.Output)
		} else {
			fmt.Fprintf(&b, "  %q -> %q [style=dashed];\n", e.From, e.To)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func graphMermaid(w io.Writer, g *runner.Graph) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "  %s[\"%s<br/>%s\"]\n", mermaidID(n.ID()), strings.ReplaceAll(n.ID(), `"`, "#quot;"), n.Type.Name)
	}
	for _, e := range g.Edges() {
		if e.Kind == runner.Reference {
			fmt.Fprintf(&b, "  %s -->|%s| %s\n", mermaidID(e.From), e.Output, mermaidID(e.To))
		} else {
			fmt.Fprintf(&b, "  %s -.-> %s\n", mermaidID(e.From), mermaidID(e.To))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidID returns the name of a step in the graph, where the address of an instance
// cannot be one.
func mermaidID(id string) string {
	base, key, repeated := strings.Cut(id, "[")
	if !repeated {
		return id
	}
	return fmt.Sprintf("%s__%x", base, strings.Trim(key, `"]`))
}

func graphSVG(w io.Writer, g *runner.Graph) error {
	d, err := page.DrawGraph("Steps of the plan "+g.Plan.Name, history.StepsOf(g), nil)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, d.File())
	return err
}
