package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/markdown"
	"github.com/bayplan/bayplan/internal/textdiff"
	"github.com/bayplan/bayplan/runner"
)

// CommentLimit is how long a comment may be in characters where the limit is the lowest:
// GitHub takes 65,536 (https://github.com/orgs/community/discussions/41331), GitLab 1,000,000
// (https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics).
const CommentLimit = 65_536

// LeastLimit is the lowest limit of a comment.
const LeastLimit = 2000

// maxShownLines is how many lines of the diff of a text a comment shows.
const maxShownLines = 200

// tailRoom is the room that is kept for what ends a comment that is cut.
const tailRoom = 600

// Markdown returns a diff as a comment for those who review it, in the Markdown of GitHub and
// GitLab: the summary, and each step that would change something in a part that can be
// opened. It has at most limit bytes, so also at most limit characters; what is cut is told.
// Paths below the directory dir are relative to it. Nothing of what servers, files and plans
// say can become more than text.
func Markdown(d document.Diff, dir string, limit int) string {
	c := &comment{left: limit - tailRoom, limit: limit}
	d.Steps, d.Base = relative(d.Steps, dir), relativeBase(d.Base, dir)
	c.add(fmt.Sprintf("<!-- bayplan diff %s -->\n### bayplan diff of %s\n\n**%s**\n\n", word(d.Plan), markdown.Code(d.Plan), word(d.Summary)))
	c.add(operations(d))
	c.addBase(d.Base)
	for _, s := range byWeight(d.Steps) {
		c.addStep(s)
	}
	c.addUnchanged(d.Steps)
	c.addList("Moved on since they were locked", moved(d.Steps))
	c.addList("Notes", notes(d.Steps))
	return c.end()
}

// relative gives steps in whose texts the paths below a directory are relative to it.
func relative(steps []document.Step, dir string) []document.Step {
	short := shortener(dir)
	steps = slices.Clone(steps)
	for i := range steps {
		s := &steps[i]
		s.Summary, s.Error, s.Why = short(s.Summary), short(s.Error), short(s.Why)
		s.Items, s.Notes = slices.Clone(s.Items), slices.Clone(s.Notes)
		for j := range s.Items {
			it := &s.Items[j]
			it.Name, it.Source, it.Note = short(it.Name), short(it.Source), short(it.Note)
		}
		for j := range s.Notes {
			s.Notes[j] = short(s.Notes[j])
		}
	}
	return steps
}

func relativeBase(b *document.Base, dir string) *document.Base {
	if b == nil {
		return nil
	}
	short, as := shortener(dir), *b
	as.Changes, as.Notes = slices.Clone(b.Changes), slices.Clone(b.Notes)
	for i := range as.Changes {
		c := &as.Changes[i]
		c.File, c.Note = short(c.File), short(c.Note)
	}
	for i := range as.Notes {
		as.Notes[i] = short(as.Notes[i])
	}
	return &as
}

// shortener gives what makes the paths below a directory relative to it.
func shortener(dir string) func(string) string {
	if dir = strings.TrimSuffix(dir, "/"); dir == "" {
		return func(text string) string { return text }
	}
	shorten := strings.NewReplacer(" "+dir+"/", " ", `"`+dir+"/", `"`, "("+dir+"/", "(")
	return func(text string) string { return strings.TrimPrefix(shorten.Replace(" "+text), " ") }
}

// A comment is Markdown that may not get longer than a limit.
type comment struct {
	text strings.Builder
	left int // bytes

	limit               int
	changes             [kinds]int // of the plan that did not fit
	steps, items, lists int        // that did not fit
}

// add adds a text if there is room for all of it.
func (c *comment) add(text string) bool {
	if len(text) > c.left {
		return false
	}
	c.left -= len(text)
	c.text.WriteString(text)
	return true
}

// end ends the comment, and tells what was cut.
func (c *comment) end() string {
	cut := cutByKind(c.changes)
	for _, one := range []struct {
		n         int
		one, more string
	}{{c.steps, "step", "steps"}, {c.items, "item", "items"}, {c.lists, "line of a list", "lines of lists"}} {
		if one.n > 0 {
			cut = append(cut, human.Count(one.n, one.one, one.more))
		}
	}
	if len(cut) > 0 {
		fmt.Fprintf(&c.text, "\n> **Cut:** the diff is longer than a comment may be. %s are not shown here; `bayplan diff` shows all.\n", strings.Join(cut, " and "))
	}
	return c.text.String()
}

// byWeight gives the steps that a reviewer must see: failures first, then removals, then all
// others in the order of the plan.
func byWeight(steps []document.Step) []document.Step {
	var shown []document.Step
	for _, s := range steps {
		if s.Status != runner.Unchanged {
			shown = append(shown, s)
		}
	}
	weight := func(s document.Step) int {
		switch {
		case s.Status == runner.Failed:
			return 0
		case removes(s):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(shown, func(a, b document.Step) int { return cmp.Compare(weight(a), weight(b)) })
	return shown
}

func removes(s document.Step) bool {
	return slices.ContainsFunc(s.Items, func(it runner.Item) bool { return it.Op == runner.Remove })
}

func removalsFirst(a, b runner.Item) int {
	weight := func(it runner.Item) int {
		if it.Op == runner.Remove || it.Op == runner.Replace {
			return 0
		}
		return 1
	}
	return cmp.Compare(weight(a), weight(b))
}

// operations says how many items there are of each operation.
func operations(d document.Diff) string {
	n := map[runner.Op]int{}
	for _, s := range d.Steps {
		for _, it := range s.Items {
			n[it.Op]++
		}
	}
	var parts []string
	for _, op := range []struct {
		op   runner.Op
		word string
	}{{runner.Create, "to create"}, {runner.Update, "to update"}, {runner.Replace, "to replace"}, {runner.Remove, "**to remove**"}} {
		if n[op.op] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[op.op], op.word))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + "\n\n"
}

// addStep adds a step. What it removes and why it fails is seen without opening it.
func (c *comment) addStep(s document.Step) {
	open := ""
	if s.Status == runner.Failed || removes(s) {
		open = " open"
	}
	const foot, moreRoom = "\n</details>\n\n", 40
	head := fmt.Sprintf("<details%s><summary><b><code>%s</code></b> (%s): <code>%s</code></summary>\n\n", open, markdown.InHTML(s.ID), markdown.InHTML(s.Type), markdown.InHTML(s.Headline()))
	if len(head)+len(foot)+moreRoom > c.left {
		c.steps++
		return
	}
	c.left -= len(foot) + moreRoom
	c.add(head)
	if s.Error != "" && !c.add(markdown.Fenced("text", strings.TrimSpace(s.Error+"\n"+hintLine(s.Hint)))) {
		c.lists++
	}
	items := slices.SortedStableFunc(slices.Values(s.Items), removalsFirst)
	for i, it := range items {
		if !c.addItem(it) {
			more := len(items) - i
			c.items += more
			c.text.WriteString(fmt.Sprintf("- … and %d more\n", more))
			break
		}
	}
	c.text.WriteString(foot)
	c.left += moreRoom
}

// addBase adds with what the plan is compared, and what is another in the plan itself. It is
// seen without opening it: it may show in no step.
func (c *comment) addBase(b *document.Base) {
	if b == nil {
		return
	}
	c.add(b.Line(markdown.Code) + "\n\n")
	seen := [kinds]int{}
	for _, change := range b.Changes {
		k := kindOf(change)
		full := isLate(&seen, k) && c.left < c.limit/2 // the rest is for the steps
		if full || !c.add(fmt.Sprintf("- **%s** %s\n", word(change.Op), change.Text(markdown.Code))) {
			c.changes[k]++
		}
	}
	for _, note := range b.Notes {
		if !c.add("- note: " + markdown.Code(note) + "\n") {
			c.lists++
		}
	}
	c.add("\n")
}

func hintLine(hint string) string {
	if hint == "" {
		return ""
	}
	return "hint: " + hint
}

// addItem adds an item with the diff of its text, or the item alone if that has no room.
func (c *comment) addItem(it runner.Item) bool {
	line := itemText(it)
	if lines := textdiff.Lines(it.Old, it.New, maxShownLines); len(lines) > 0 {
		if c.add(line + "\n" + indented(markdown.Fenced("diff", strings.Join(lines, "\n")))) {
			return true
		}
		line = strings.TrimSuffix(line, "\n") + "; its text is not shown: there is no room\n"
	}
	return c.add(line)
}

// itemText gives an item as an entry of a list.
func itemText(it runner.Item) string {
	text := fmt.Sprintf("- **%s** %s %s", word(it.Op), word(it.What), markdown.Code(it.Name))
	if it.Bytes > 0 {
		text += ", " + human.Size(it.Bytes)
	}
	if it.Source != "" {
		text += ", from " + markdown.Code(it.Source)
	}
	switch {
	case it.From != "" && it.To != "" && it.From != it.To:
		text += fmt.Sprintf("; %s → %s", markdown.Code(human.ShortDigest(it.From)), markdown.Code(human.ShortDigest(it.To)))
	case it.To != "":
		text += "; " + markdown.Code(human.ShortDigest(it.To))
	case it.From != "":
		text += "; was " + markdown.Code(human.ShortDigest(it.From))
	}
	if it.Note != "" && it.Note != it.From && it.Note != "from "+it.Source {
		text += "; " + markdown.Code(it.Note)
	}
	return text + "\n"
}

func (c *comment) addUnchanged(steps []document.Step) {
	var ids []string
	for _, s := range steps {
		if s.Status == runner.Unchanged {
			ids = append(ids, markdown.Code(s.ID))
		}
	}
	if len(ids) > 0 && !c.add("Unchanged: "+strings.Join(ids, ", ")+"\n\n") {
		c.lists += len(ids)
	}
}

// addList adds lines in a part that can be opened.
func (c *comment) addList(title string, lines []string) {
	const foot = "\n</details>\n\n"
	head := fmt.Sprintf("<details><summary>%s (%d)</summary>\n\n", title, len(lines))
	if len(lines) == 0 {
		return
	}
	if len(head)+len(foot)+len(lines[0]) > c.left {
		c.lists += len(lines)
		return
	}
	c.left -= len(foot)
	c.add(head)
	for i, line := range lines {
		if !c.add(line) {
			c.lists += len(lines) - i
			break
		}
	}
	c.text.WriteString(foot)
}

func notes(steps []document.Step) []string {
	var lines []string
	for _, s := range steps {
		for _, note := range s.Notes {
			lines = append(lines, fmt.Sprintf("- %s: %s\n", markdown.Code(s.ID), markdown.Code(note)))
		}
	}
	return lines
}

// moved says what a look-up would lock now, each once.
func moved(steps []document.Step) []string {
	var lines []string
	for _, s := range steps {
		for _, m := range s.Moved {
			to := "gone"
			if m.To != "" {
				to = markdown.Code(human.ShortDigest(m.To))
			}
			line := fmt.Sprintf("- %s: %s → %s", markdown.Code(m.Name), markdown.Code(human.ShortDigest(m.From)), to)
			for _, l := range m.Labels {
				if line += "; " + markdown.Code(l.Label) + " "; l.From != "" {
					line += markdown.Code(l.From) + " → "
				}
				line += markdown.Code(cmp.Or(l.To, "(none)"))
			}
			if line += "\n"; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// indented puts a block into the entry of a list.
func indented(block string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n  ") + "\n"
}

// word gives a text of our own, which a saved diff might have changed, without anything that
// has a meaning in Markdown.
func word[T ~string](text T) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ,.:-_", r)) {
			return r
		}
		return '?'
	}, string(text))
}
