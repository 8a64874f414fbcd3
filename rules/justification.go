package rules

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Justifications are the forms of what a person states before a look-up, as they are at one instant. In a form 9 stands for a digit, A for a
// letter from A to Z, and every other character for itself.
type Justifications struct {
	FileNumbers     map[string][]string // purpose to the forms of its file numbers; a purpose that is not there needs none
	DecisionNumbers []string            // forms of the number of a prosecutor's decision
	StopWords       []string            // words that are no reason by themselves, in small letters
}

// justifications are the sections of the catalogue that the office uses. No verdict depends on them.
type justifications struct {
	files     map[string]datedSeries[[]string]
	decisions datedSeries[[]string]
	stop      datedSeries[[]string]
}

type rawFileNumbers struct {
	Meta    rawProvenance `yaml:",inline"`
	Purpose string        `yaml:"purpose"`
	Forms   []string      `yaml:"forms"`
}

type rawForms struct {
	Meta  rawProvenance `yaml:",inline"`
	Forms []string      `yaml:"forms"`
}

type rawWords struct {
	Meta  rawProvenance `yaml:",inline"`
	Words []string      `yaml:"words"`
}

type purposeForms struct {
	purpose string
	forms   []string
}

// load declares the sections. A site's catalogue may be without them: the office then takes those of the built-in one.
func (j *justifications) load(s *Sections) {
	first := len(s.all)
	files := declareSection(s, "file_numbers", func(c *checker, path string, r *rawFileNumbers) datedValue[purposeForms] {
		return datedValue[purposeForms]{c.provenance(path, &r.Meta), purposeForms{
			c.oneOf(path+".purpose", r.Purpose, "judicial", "administrative"), each(c, path+".forms", r.Forms, parseForm),
		}}
	})
	s.onLoaded(func(c *checker) {
		j.files = map[string]datedSeries[[]string]{}
		by := map[string][]datedValue[[]string]{}
		for _, v := range *files {
			by[v.v.purpose] = append(by[v.v.purpose], datedValue[[]string]{v.provenance, v.v.forms})
		}
		for _, purpose := range []string{"judicial", "administrative"} {
			if len(by[purpose]) > 0 {
				j.files[purpose] = chain(c, "file_numbers of "+purpose, by[purpose])
			}
		}
	})
	declareSeries(s, "decision_numbers", func(c *checker, path string, r *rawForms) datedValue[[]string] {
		return datedValue[[]string]{c.provenance(path, &r.Meta), each(c, path+".forms", r.Forms, parseForm)}
	}, &j.decisions)
	declareSeries(s, "reason_stop_words", func(c *checker, path string, r *rawWords) datedValue[[]string] {
		return datedValue[[]string]{c.provenance(path, &r.Meta), each(c, path+".words", r.Words, parseStopWord)}
	}, &j.stop)
	for i := first; i < len(s.all); i++ {
		s.all[i].optional = true
	}
}

// parseForm refuses a form that anything, or hardly anything, has.
func parseForm(text string) (string, bool) {
	return text, len(text) <= 60 && strings.Count(text, "9") >= 4 && text == strings.ToUpper(strings.TrimSpace(text))
}

func parseStopWord(text string) (string, bool) {
	return text, text != "" && text == strings.ToLower(strings.TrimSpace(text)) && !strings.Contains(text, " ")
}

// Justifications returns the forms in force at the instant.
func (c *Catalogue) Justifications(at schemas.Micros) Justifications {
	out := Justifications{FileNumbers: map[string][]string{}}
	for purpose, s := range c.justify.files {
		if e := s.inForceAt(at); e != nil {
			out.FileNumbers[purpose] = slices.Clone(e.v)
		}
	}
	if e := c.justify.decisions.inForceAt(at); e != nil {
		out.DecisionNumbers = slices.Clone(e.v)
	}
	if e := c.justify.stop.inForceAt(at); e != nil {
		out.StopWords = slices.Clone(e.v)
	}
	return out
}
