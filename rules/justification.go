package rules

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Justifications are the forms for a person's statement before a look-up, valid at one instant. In a form, 9 stands
// for a digit, A for a letter from A to Z, and yyyy or yy for the year. Every other character stands for itself.
type Justifications struct {
	FileNumbers       map[string][]string // forms for file numbers by purpose; a missing purpose needs no number
	FirstYears        map[string]int      // first year of the file numbers by purpose, for their forms with a year
	DecisionNumbers   []string            // number forms for prosecutors' decisions
	FirstDecisionYear int                 // first year of the decision numbers, for their forms with a year
	StopWords         []string            // words that are no reason when alone, in lower case
}

// justifications are the catalogue sections for the office. No verdict depends on them.
type justifications struct {
	files     map[string]datedSeries[numberForms]
	decisions datedSeries[numberForms]
	stop      datedSeries[[]string]
}

type rawFileNumbers struct {
	Meta    rawProvenance `yaml:",inline"`
	Purpose string        `yaml:"purpose" subject:"yes" words:"purpose"`
	Numbers rawForms      `yaml:",inline"`
}

type rawForms struct {
	Forms     []string `yaml:"forms"`
	FirstYear int      `yaml:"first_year"`
}

type rawDecisionNumbers struct {
	Meta    rawProvenance `yaml:",inline"`
	Numbers rawForms      `yaml:",inline"`
}

// numberForms are number forms with the first year; 0 = no form has a year.
type numberForms struct {
	forms     []string
	firstYear int
}

type rawWords struct {
	Meta  rawProvenance `yaml:",inline"`
	Words []string      `yaml:"words"`
}

type purposeForms struct {
	purpose string
	forms   numberForms
}

// loadSection declares the sections. All are optional: for a catalogue without them, the office uses the built-in
// catalogue.
func (j *justifications) loadSection(s *Sections) {
	first := len(s.all)
	files := declareSection(s, "file_numbers", func(c *checker, path string, r *rawFileNumbers) datedValue[purposeForms] {
		return datedValue[purposeForms]{c.checkProvenance(path, &r.Meta), purposeForms{
			c.oneOf(path+".purpose", r.Purpose, "judicial", "administrative"), readForms(c, path, &r.Numbers),
		}}
	})
	s.onLoaded(func(c *checker) {
		j.files = map[string]datedSeries[numberForms]{}
		by := map[string][]datedValue[numberForms]{}
		for _, v := range *files {
			by[v.v.purpose] = append(by[v.v.purpose], datedValue[numberForms]{v.provenance, v.v.forms})
		}
		for _, purpose := range []string{"judicial", "administrative"} {
			if len(by[purpose]) > 0 {
				j.files[purpose] = chainValues(c, "file_numbers of "+purpose, by[purpose])
			}
		}
	})
	declareSeries(s, "decision_numbers", func(c *checker, path string, r *rawDecisionNumbers) datedValue[numberForms] {
		return datedValue[numberForms]{c.checkProvenance(path, &r.Meta), readForms(c, path, &r.Numbers)}
	}, &j.decisions)
	declareSeries(s, "reason_stop_words", func(c *checker, path string, r *rawWords) datedValue[[]string] {
		return datedValue[[]string]{c.checkProvenance(path, &r.Meta), parseEach(c, path+".words", r.Words, parseStopWord)}
	}, &j.stop)
	for i := first; i < len(s.all); i++ {
		s.all[i].optional = true
	}
}

// readForms reads number forms and their first year. A first year is required if a form has a year, and otherwise
// refused.
func readForms(c *checker, path string, r *rawForms) numberForms {
	out := numberForms{parseEach(c, path+".forms", r.Forms, parseForm), r.FirstYear}
	switch dated := slices.ContainsFunc(out.forms, hasYear); {
	case dated && (r.FirstYear < 1900 || r.FirstYear > 2200):
		c.errorf(path+".first_year", "write the year since which numbers of these forms are given", "%d is no year", r.FirstYear)
	case !dated && r.FirstYear != 0:
		c.errorf(path+".first_year", "leave it out, or write yyyy in a form", "no form has a year")
	}
	return out
}

func hasYear(form string) bool { return strings.Contains(form, "y") }

// parseForm refuses a form that is too loose or too long, and a form with half a year or with two years.
func parseForm(text string) (string, bool) {
	first, last := strings.IndexByte(text, 'y'), strings.LastIndexByte(text, 'y')
	if year := strings.Count(text, "y"); year > 0 && (year != 2 && year != 4 || last-first+1 != year) {
		return text, false
	}
	rest := strings.ReplaceAll(text, "y", "")
	return text, len(text) <= 60 && strings.Count(text, "9") >= 4 && rest == strings.ToUpper(strings.TrimSpace(rest)) && text == strings.TrimSpace(text)
}

func parseStopWord(text string) (string, bool) {
	return text, text != "" && text == strings.ToLower(strings.TrimSpace(text)) && !strings.Contains(text, " ")
}

// Justifications returns the forms in force at the instant.
func (c *Catalogue) Justifications(at schemas.Micros) Justifications {
	out := Justifications{FileNumbers: map[string][]string{}, FirstYears: map[string]int{}}
	for purpose, s := range c.justify.files {
		if e := s.inForceAt(at); e != nil {
			out.FileNumbers[purpose], out.FirstYears[purpose] = slices.Clone(e.v.forms), e.v.firstYear
		}
	}
	if e := c.justify.decisions.inForceAt(at); e != nil {
		out.DecisionNumbers, out.FirstDecisionYear = slices.Clone(e.v.forms), e.v.firstYear
	}
	if e := c.justify.stop.inForceAt(at); e != nil {
		out.StopWords = slices.Clone(e.v)
	}
	return out
}
