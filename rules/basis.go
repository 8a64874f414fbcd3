package rules

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Basis names the law a value rests on, in each language: acts have other names in Dutch (KB) and French (AR).
type Basis struct {
	Dutch   string `yaml:"nl"`
	French  string `yaml:"fr"`
	English string `yaml:"en"`
}

// operational is the legal basis for a value without a law: the processing centre chose the value. A catalogue writes
// the word operational, a decision carries the English text alone, and [RenderBasis] knows the other languages.
var operational = Basis{
	Dutch:   "geen: werkwaarde van het verwerkingscentrum",
	French:  "aucune : valeur opérationnelle du centre de traitement",
	English: "none: operational value of the processing centre",
}

// operationalWord is the catalogue's word for operational.
const operationalWord = "operational"

// Language marks in a legal basis, as citeWithDay writes them.
const (
	basisDutch   = "nl: "
	basisFrench  = " | fr: "
	basisEnglish = " | en: "
)

// UnmarshalYAML reads {nl: ..., fr: ..., en: ...}, or a text shared by all languages, or the word operational. The form with
// bytes would make the decoder write the whole document for each basis: half the time of a load.
func (b *Basis) UnmarshalYAML(decode func(any) error) error {
	var same string
	if err := decode(&same); err == nil {
		*b = Basis{same, same, same}
		if same == operationalWord {
			*b = operational
		}
		return nil
	}
	type plain Basis
	return decode((*plain)(b))
}

// In returns the text in a language.
func (b Basis) In(lang Lang) string {
	switch lang {
	case Dutch:
		return b.Dutch
	case French:
		return b.French
	default:
		return b.English
	}
}

// citeWithDay writes the basis with the day, the form in decisions. The text contains all languages. A decision is
// therefore readable without a catalogue, and the seal covers the text in every language.
//
// Example: nl: KB 19/04/2014, art. 2 | fr: AR 19/04/2014, art. 2 | en: RD 19/04/2014, art. 2 (2017-05-01)
func (b Basis) citeWithDay(day string) string {
	day = " (" + day + ")"
	if b == operational || b.Dutch == b.English && b.French == b.English {
		return b.English + day
	}
	return basisDutch + b.Dutch + basisFrench + b.French + basisEnglish + b.English + day
}

// RenderBasis writes a legal basis in the given language. A text in a single language is returned unchanged.
func RenderBasis(lang Lang, cited string) string {
	if day, ok := strings.CutPrefix(cited, operational.English+" ("); ok {
		return operational.In(lang) + " (" + day
	}
	rest, ok := strings.CutPrefix(cited, basisDutch)
	if !ok {
		return cited
	}
	dutch, rest, okFrench := strings.Cut(rest, basisFrench)
	french, english, okEnglish := strings.Cut(rest, basisEnglish)
	at := strings.LastIndex(english, " (")
	if !okFrench || !okEnglish || at < 0 {
		return cited
	}
	return Basis{dutch, french, english[:at]}.In(lang) + english[at:]
}

// isMissing reports whether no text of law was found for the value.
func (b Basis) isMissing() bool { return strings.HasPrefix(b.English, "none") }

// toVerify says how a value becomes verified.
func (b Basis) toVerify() string {
	if b.isMissing() {
		return "find the text of law it rests on, write it as legal_basis, then verified: true"
	}
	return "read it in " + b.English + ", then write verified: true"
}

// checkBasis checks that every language is present and can be cited.
func (c *checker) checkBasis(path string, b Basis) {
	for _, lang := range Langs() {
		switch s := b.In(lang); {
		case strings.TrimSpace(s) == "":
			c.errorf(path, "name the article and the act, as {nl: ..., fr: ..., en: ...} or in one text for all", "missing in %s", lang)
			return
		case strings.ContainsAny(s, "|\n"):
			c.errorf(path, "write it without | and on one line", "%q cannot be cited", s)
			return
		}
	}
}

// Cite writes the basis with a day as decisions cite it, for a value of the reference data. [RenderBasis] reads it.
func (b Basis) Cite(day schemas.Day) string { return b.citeWithDay(day.String()) }
