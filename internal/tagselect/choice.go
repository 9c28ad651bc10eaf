package tagselect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/version"
)

// A Stage says how many tags a stage of a rule has left.
type Stage struct {
	Text string `json:"stage"` // as the plan says it: newest 3
	Left int    `json:"left"`  // how many tags it leaves
}

// A Choice is what a rule chooses of the tags of a repository, and why.
type Choice struct {
	Repository string   `json:"repository"` // HOST/NAME
	Listed     int      `json:"listed"`     // how many tags the repository has
	Stages     []Stage  `json:"stages"`     // in their order; each rule has the same
	Chosen     []string `json:"chosen"`     // tags, the newest first

	left int               // how many the stages left, without also
	why  map[string]string // reason by tag that was listed; "" for one that was chosen
	also []string          // tags of also that the repository has
}

// Choose applies the rule to the tags of a repository.
func (r Rule) Choose(repository string, tags []string) (*Choice, error) {
	stages, err := r.stages()
	if err != nil {
		return nil, err
	}
	c := &Choice{Repository: repository, Listed: len(tags), why: make(map[string]string, len(tags))}
	for _, tag := range tags {
		c.why[tag] = ""
	}
	left := slices.Clone(tags)
	for _, s := range stages {
		left = s.keep(left, func(tag, why string) { c.why[tag] = s.text + ": " + why })
		c.Stages = append(c.Stages, Stage{s.text, len(left)})
	}
	c.left = len(left)
	for _, tag := range r.Also {
		why, listed := c.why[tag]
		if listed {
			c.also = append(c.also, tag)
		}
		if listed && why != "" {
			left, c.why[tag] = append(left, tag), ""
		}
	}
	version.NewestFirst(left)
	c.Chosen = left
	return c, nil
}

// Why says why a tag was not chosen: "" for one that was.
func (c *Choice) Why(tag string) (why string, listed bool) {
	why, listed = c.why[tag]
	return why, listed
}

// A Selection chooses images: tags of one repository, or of all that match a pattern.
type Selection struct {
	From string // HOST/NAME; in NAME, * stands for text without a slash, ** for any text
	Rule
	AtLeast int // how many tags the stages must leave, in all repositories together
}

// Name names the selection in messages and in lock files. It has all that decides what is
// chosen.
func (s Selection) Name() string {
	if text := s.Text(); text != "" {
		return s.From + " tags " + text
	}
	return s.From + " tags"
}

// Choices are what a selection chooses, by repository.
type Choices []*Choice

// Images gives the chosen images, HOST/NAME:TAG, sorted.
func (all Choices) Images() []string {
	var images []string
	for _, c := range all {
		for _, tag := range c.Chosen {
			images = append(images, c.Repository+":"+tag)
		}
	}
	slices.Sort(images)
	return images
}

// Check gives an error if a selection chooses fewer tags than it must, or if a tag of also
// is in no repository.
func (s Selection) Check(all Choices) error {
	var wrong []string
	if least := max(1, s.AtLeast); all.left() < least {
		wrong = append(wrong, s.tooFew(all, least))
	}
	for _, tag := range s.Also {
		if !slices.ContainsFunc(all, func(c *Choice) bool { return slices.Contains(c.also, tag) }) {
			wrong = append(wrong, fmt.Sprintf("also names the tag %s, which %s does not have", tag, s.From))
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; ")) // one line: whoever has asked puts the place before it
}

func (all Choices) left() int {
	n := 0
	for _, c := range all {
		n += c.left
	}
	return n
}

// tooFew names the stage that removed the tags which are missing.
func (s Selection) tooFew(all Choices, least int) string {
	found := "nothing is selected"
	if n := all.left(); n > 0 {
		found = fmt.Sprintf("%s selected, fewer than at_least: %d", human.Count(n, "tag is", "tags are"), least)
	}
	before := 0
	for _, c := range all {
		before += c.Listed
	}
	for i := 0; before >= least && i < len(all[0].Stages); i++ { // all have the same stages
		left := 0
		for _, c := range all {
			left += c.Stages[i].Left
		}
		if left < least {
			return fmt.Sprintf("%s from %s: %s leaves %s of %s", found, s.From, all[0].Stages[i].Text, none(left), human.Count(before, "tag", "tags"))
		}
		before = left
	}
	return fmt.Sprintf("%s from %s: there are %s", found, s.From, human.Count(before, "tag", "tags"))
}

func none(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}
