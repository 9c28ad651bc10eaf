package explain

import "github.com/bayplan/bayplan/cmd/internal/document"

// A Section is a topic in the parts of which pages are made.
type Section struct {
	Topic string
	Title string
	Intro string // above a table of the keys of a plan; "" if the topic lists none
	Text  string // laid out for a terminal
	Parts []document.TopicedPart
}

// Sections returns the topics that describe parts of plans, in the order of a plan.
func Sections() ([]Section, error) {
	schema, err := readSchema()
	if err != nil {
		return nil, err
	}
	var all []Section
	for _, t := range topics {
		d, err := schema.topic(t)
		if err != nil {
			return nil, err
		}
		all = append(all, Section{Topic: t.name, Title: t.title, Intro: t.keys.intro, Text: t.text, Parts: d.Parts})
	}
	return all, nil
}

// A Glossary is words of JSON documents, each with its meaning, that stand in the same
// places.
type Glossary struct {
	Title string
	Words [][2]string // a word and its meaning
}

// JSON returns what all JSON documents have in common, laid out for a terminal, and the words
// in them.
func JSON() (text string, words []Glossary) {
	for _, g := range groups {
		one := Glossary{Title: g.title}
		for _, w := range g.words {
			one.Words = append(one.Words, [2]string{w.name, w.meaning})
		}
		words = append(words, one)
	}
	return jsonForm + "\n\n" + jsonFailure, words
}
