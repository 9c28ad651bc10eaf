package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// PlanChanges returns what is another in the settings of a plan than in those of its base, in
// the order of their paths. Both are what plan.Plan.Settings gives. Of a step that is gone,
// there is one change; of all else that is new or gone, one for each setting. Changes of a step
// that is off say so.
func PlanChanges(base, now map[string]any) []document.PlanChange {
	c := &planChanges{list: []document.PlanChange{}}
	for _, name := range slices.Sorted(maps.Keys(unionOf(base, now))) {
		was, is := base[name], now[name]
		before := len(c.list)
		if strings.HasPrefix(name, "steps.") && (was == nil || is == nil) {
			c.step(name, was, is)
		} else {
			c.compare(name, was, is)
		}
		for i := range c.list[before:] {
			c.list[before+i].Note = noteOff(name, c.list[before+i].Setting, was, is)
			c.list[before+i].Fresh = was == nil
		}
	}
	return c.list
}

// noteOff says of a change of a step that the step is off: what it does shows in nothing else.
func noteOff(step, setting string, was, is any) string {
	switch {
	case !strings.HasPrefix(step, "steps.") || setting == step+".off":
		return ""
	case is != nil && textOf(is, "off") != "":
		return "the step is off here: " + textOf(is, "off")
	case is == nil && textOf(was, "off") != "":
		return "the step was off: " + textOf(was, "off")
	}
	return ""
}

type planChanges struct{ list []document.PlanChange }

// step tells of a step that is new, with all of its settings, or gone.
func (c *planChanges) step(name string, was, is any) {
	change := document.PlanChange{Op: runner.Remove, Setting: name, From: textOf(was, "type"), To: textOf(is, "type")}
	if was == nil {
		change.Op = runner.Create
	}
	c.list = append(c.list, change)
	if settings, ok := is.(map[string]any); ok {
		usual := map[string]any{"type": settings["type"], "timeout": "0s", "retry": "0", "site": "", "needs": []any{}, "when": "", "off": settings["off"]}
		settings = maps.Clone(settings)
		maps.DeleteFunc(settings, func(key string, value any) bool { return raw(value) == raw(usual[key]) })
		c.compare(name, map[string]any{}, settings)
	}
}

// textOf gives a setting of a step that is a text, "" if there is none.
func textOf(step any, name string) string {
	settings, _ := step.(map[string]any)
	text, _ := settings[name].(string)
	return text
}

// compare compares two values of one setting. nil is one that is not there.
func (c *planChanges) compare(name string, was, is any) {
	oldMap, isMap := was.(map[string]any)
	newMap, isMapToo := is.(map[string]any)
	oldList, isList := was.([]any)
	newList, isListToo := is.([]any)
	switch {
	case (was == nil || is == nil) && len(oldMap)+len(newMap)+len(oldList)+len(newList) == 0:
		c.add(name, shownSetting(was), shownSetting(is)) // {} may mean something, too
	case (isMap || was == nil) && (isMapToo || is == nil):
		for _, key := range slices.Sorted(maps.Keys(unionOf(oldMap, newMap))) {
			c.compare(name+"."+key, oldMap[key], newMap[key])
		}
	case (isList || was == nil) && (isListToo || is == nil):
		c.compareLists(name, oldList, newList)
	case raw(was) != raw(is):
		c.add(name, shownSetting(was), shownSetting(is))
	}
}

// compareLists tells which entries are new and gone. Mappings are compared one by one if none
// is.
func (c *planChanges) compareLists(name string, was, is []any) {
	if len(was) == len(is) && allMappings(was) && allMappings(is) {
		for i := range was {
			c.compare(fmt.Sprintf("%s[%d]", name, i), was[i], is[i])
		}
		return
	}
	before := len(c.list)
	for _, entry := range without(was, is) {
		c.add(name, shownSetting(entry), "")
	}
	for _, entry := range without(is, was) {
		c.add(name, "", shownSetting(entry))
	}
	if len(c.list) == before && raw(was) != raw(is) {
		c.add(name, shownSetting(was), shownSetting(is)) // they are in another order
	}
}

func allMappings(list []any) bool {
	return !slices.ContainsFunc(list, func(entry any) bool {
		_, ok := entry.(map[string]any)
		return !ok
	})
}

// without gives the entries of a list that another one does not have, as often as it lacks
// them.
func without(list, other []any) []any {
	there := map[string]int{}
	for _, entry := range other {
		there[raw(entry)]++
	}
	var rest []any
	for _, entry := range list {
		if there[raw(entry)]--; there[raw(entry)] < 0 {
			rest = append(rest, entry)
		}
	}
	return rest
}

func (c *planChanges) add(name, was, is string) {
	op := runner.Update
	switch "" {
	case was:
		op = runner.Create
	case is:
		op = runner.Remove
	}
	c.list = append(c.list, document.PlanChange{Op: op, Setting: name, From: was, To: is})
}

func unionOf(a, b map[string]any) map[string]bool {
	all := map[string]bool{}
	for name := range a {
		all[name] = true
	}
	for name := range b {
		all[name] = true
	}
	return all
}

// raw gives a text that differs where values differ, also where they are masked.
func raw(value any) string { return fmt.Sprintf("%#v", value) }

// shownSetting gives a value for people: a text as it is, all else as JSON.
func shownSetting(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case plan.Masked:
		return value.String()
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if enc.Encode(value) != nil {
		return "?"
	}
	return strings.TrimSpace(text.String())
}
