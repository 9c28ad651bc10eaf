package reference

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/environment"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/metrics"
)

func exitCodes() page {
	var out strings.Builder
	codes(&out, exitcode.Meanings())
	out.WriteString("The codes are those of all [commands](commands.md), with `--json` or without. With `--json`, a failure also has a [cause](json.md#causes). " +
		"[bayplan-temporal](temporal.md#exit-codes) has one more.\n")
	return page{"exit-codes.md", "Exit codes", "what each exit code means", out.String()}
}

// codes writes a table of exit codes.
func codes(out *strings.Builder, all []exitcode.Meaning) {
	var rows [][]string
	for _, m := range all {
		rows = append(rows, []string{fmt.Sprint(m.Code), prose(m.Summary), prose(m.Detail)})
	}
	table(out, []string{"code", "meaning", "more"}, rows)
}

func environmentPage() page {
	var out strings.Builder
	out.WriteString("What bayplan reads of the machine it runs on, besides the plan and the files that the plan and the command line name.\n\n")
	out.WriteString("- [Environment variables](#environment-variables)\n- [Files](#files)\n- [Programs](#programs)\n- [Not read](#not-read)\n\n## Environment variables\n\n")
	for _, g := range environment.Variables() {
		section(&out, g.Title, g.Text)
		var rows [][]string
		for _, v := range g.Variables {
			rows = append(rows, []string{code(v.Name), v.Meaning})
		}
		table(&out, []string{"variable", "meaning"}, rows)
	}
	out.WriteString("## Files\n\n")
	for _, g := range environment.Files() {
		section(&out, g.Title, g.Text)
		files(&out, g.Files)
	}
	out.WriteString("## Programs\n\nThey are looked for in `PATH`.\n\n")
	var rows [][]string
	for _, p := range environment.Programs() {
		rows = append(rows, []string{code(p.Name), p.Meaning})
	}
	table(&out, []string{"program", "what for"}, rows)
	out.WriteString("## Not read\n\nOther programs for images read these files. In bayplan, a plan says the same.\n\n")
	files(&out, environment.NotRead())
	return page{"environment.md", "Variables and files", "environment variables, files and programs that are used without being named", out.String()}
}

func section(out *strings.Builder, title, text string) {
	fmt.Fprintf(out, "### %s\n\n", title)
	if text != "" {
		fmt.Fprintf(out, "%s\n\n", text)
	}
}

func files(out *strings.Builder, list []environment.File) {
	var rows [][]string
	for _, f := range list {
		rows = append(rows, []string{code(f.Path), f.Meaning})
	}
	table(out, []string{"file", "meaning"}, rows)
}

func metricsPage() page {
	var out strings.Builder
	out.WriteString("`--metrics FILE` of `apply`, `diff` and `verify` writes them in the text format of Prometheus, for the textfile collector of node_exporter. " +
		"The file is written whole at the end of the run, whatever came of it, and replaces the one before. " +
		"Every metric has the labels `command` (`apply`, `diff` or `verify`) and `plan` (the plan's name).\n\n")
	var rows [][]string
	for _, f := range metrics.Families() {
		labels := "`command`, `plan`"
		if f.Label != "" {
			labels += ", " + code(f.Label)
		}
		rows = append(rows, []string{code(f.Name), f.Type, labels, prose(f.Help)})
	}
	table(&out, []string{"metric", "type", "labels", "help"}, rows)
	out.WriteString("`status` is one of the [statuses of steps](json.md#statuses-of-steps-in-step-end-events-and-in-diff-report-why-and-lock) that the command can give. " +
		"All of them have a value in each file, 0 where no step has it. A metric is never renamed, and its meaning does not change.\n")
	return page{"metrics.md", "Metrics", "what `--metrics` writes for Prometheus", out.String()}
}
