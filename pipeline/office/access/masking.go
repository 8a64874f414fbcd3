package access

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gvc-brussels/anpr/schemas"
)

// masker replaces plates with HMACs, in an entry's texts and JSON. Each entry has a new masker.
type masker struct {
	key   *PlateKey
	named []string       // the question's plates, as whole values
	form  *regexp.Regexp // finds named within a text; nil = no plates, or too many
	known []string       // values that only look like plates: camera ids
	marks []schemas.Sum
	clear []ClearPlate
}

// Forms in which people write plates. belgianForms takes any writing. otherForms takes a word with letters and digits,
// groups with hyphens, or capitals with spaces, as in Germany, France, the Netherlands and Luxembourg.
var (
	belgianForms = regexp.MustCompile(`(?i)\b(?:[0-9][ .\-]{0,2}[A-Z]{3}[ .\-]{0,2}[0-9]{3}|[A-Z]{3}-?[0-9]{3}|[0-9]{3}-?[A-Z]{3})\b`)
	otherForms   = regexp.MustCompile(`\b(?:[A-Z]{1,3}[ -][A-Z]{1,2}[ -]?[0-9]{1,4}|[A-Z]{2} [0-9]{3,4}(?: [A-Z]{2})?|[A-Za-z0-9]{1,4}(?:-[A-Za-z0-9]{1,4}){1,2}|[A-Za-z0-9]{5,10})\b`)
	longID       = regexp.MustCompile(`^[0-9a-fA-F-]{32,64}$`)
)

// certainForms finds plates beyond doubt. A Belgian plate is in one piece or has hyphens or dots; in capitals it may
// have spaces. A French plate is in capitals. boxNumber excludes box numbers from addresses.
var (
	certainForms = regexp.MustCompile(`\b(?:[1-9][.\-]?(?i:[A-Z]{3})[.\-]?[0-9]{3}|[1-9][ .\-]{0,2}[A-Z]{3}[ .\-]{0,2}[0-9]{3}|[A-Z]{2}-[0-9]{3}-[A-Z]{2})\b`)
	boxNumber    = regexp.MustCompile(`^[1-9](?:bus|bte)[0-9]{3}$`)
)

// HasPlate reports whether a text holds a plate beyond doubt. Invisible characters do not hide a plate.
func HasPlate(text string) bool {
	return slices.ContainsFunc(certainForms.FindAllString(dropUnseen(text), -1), func(found string) bool { return !boxNumber.MatchString(found) })
}

// calledPlate finds a word in capitals that a text calls a plate. The words before it are in small letters, so that the
// capitals are meant.
var calledPlate = regexp.MustCompile(`\b(?:[Nn]ummerplaat|[Kk]enteken|[Pp]laat|[Pp]laque|[Ii]mmatriculation|[Pp]late|[Kk]ennzeichen)(?: (?:van|is|de|est|of|number|nummer))?[ :]+["'“«]? ?([A-Z]{3,10})\b`)

// maskCalled replaces the words in capitals that a text calls plates. between replaces plates in the rest.
func (m *masker) maskCalled(text string, between func(string) string) string {
	var b strings.Builder
	at := 0
	for _, span := range calledPlate.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(between(text[at:span[2]]))
		b.WriteString(m.mark(text[span[2]:span[3]]))
		at = span[3]
	}
	b.WriteString(between(text[at:]))
	return b.String()
}

// Least and most characters for a word that counts as a plate.
const (
	minPlateWord = 5
	maxPlateWord = 10
)

// newMasker makes an entry's masker. named are the question's plates, and known are texts that only look like plates.
func newMasker(key *PlateKey, named, known []string) *masker {
	return &masker{key: key, named: named, form: formOf(named), known: known}
}

// mark stores a plate and returns the text to put in its place.
func (m *masker) mark(plate string) string {
	sum := m.key.Mark(plate)
	if !slices.Contains(m.marks, sum) {
		m.marks = append(m.marks, sum)
		if len(m.clear) < maxClear {
			m.clear = append(m.clear, ClearPlate{sum, plate})
		}
	}
	return m.key.Text(sum)
}

// maskText replaces possible plates in a text, and drops invisible characters.
func (m *masker) maskText(text string) string {
	text = dropUnseen(text)
	others := func(rest string) string {
		return m.maskCalled(rest, func(rest string) string { return replaceMatches(otherForms, rest, m.maskWord, keepText) })
	}
	rest := func(rest string) string { return replaceMatches(belgianForms, rest, m.maskWord, others) }
	if m.form != nil {
		return replaceMatches(m.form, text, func(plate string) string { return m.mark(strings.ToUpper(plate)) }, rest)
	}
	return rest(text)
}

// dropUnseen drops invisible characters.
func dropUnseen(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}

// keepText returns a text unchanged.
func keepText(text string) string { return text }

// formOf returns an expression that finds plates in any case; nil = no plates, or too many.
func formOf(plates []string) *regexp.Regexp {
	var forms []string
	for _, p := range plates {
		if len(p) >= minPlateWord {
			forms = append(forms, regexp.QuoteMeta(p))
		}
	}
	if len(forms) == 0 || len(forms) > maxClear {
		return nil
	}
	return regexp.MustCompile("(?i)" + strings.Join(forms, "|"))
}

// replaceMatches replaces matches by one function and the text between them by another.
func replaceMatches(form *regexp.Regexp, text string, match, between func(string) string) string {
	var b strings.Builder
	at := 0
	for _, span := range form.FindAllStringIndex(text, -1) {
		b.WriteString(between(text[at:span[0]]))
		b.WriteString(match(text[span[0]:span[1]]))
		at = span[1]
	}
	b.WriteString(between(text[at:]))
	return b.String()
}

// maskWord replaces a word or group of words when it has letters and digits.
func (m *masker) maskWord(word string) string {
	letters, digits := 0, 0
	plate := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		default:
			return -1
		}
		return unicode.ToUpper(r)
	}, word)
	if letters == 0 || digits == 0 || len(plate) < minPlateWord || len(plate) > maxPlateWord {
		return word
	}
	return m.mark(plate)
}

// maskJSON replaces plates in every text of a JSON value; field names count as texts.
func (m *masker) maskJSON(text string) string {
	if text == "" {
		return ""
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return quote(m.maskText(text))
	}
	out := new(bytes.Buffer)
	e := json.NewEncoder(out)
	if err := e.Encode(m.maskValue("", v)); err != nil {
		panic("BUG: what was JSON has no JSON: " + err.Error())
	}
	return strings.TrimSpace(out.String())
}

// maskValue replaces plates in a JSON value.
func (m *masker) maskValue(field string, v any) any {
	switch v := v.(type) {
	case string:
		return m.maskString(field, v)
	case []any:
		for i := range v {
			v[i] = m.maskValue(field, v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[m.maskText(name)] = m.maskValue(name, value)
		}
		return out
	}
	return v
}

// maskString replaces plates in a field's value. Ids, times and known texts are no plates. A user's name starts with a
// letter and is checked for Belgian forms alone.
func (m *masker) maskString(field, text string) string {
	switch _, err := time.Parse(time.RFC3339Nano, text); {
	case slices.Contains(m.named, text):
		return m.mark(text)
	case err == nil, longID.MatchString(text), slices.Contains(m.known, text):
		return text
	case (field == "user" || field == "account") && text != "" && !unicode.IsDigit(rune(text[0])):
		return replaceMatches(belgianForms, text, m.maskWord, keepText)
	}
	return m.maskText(text)
}
