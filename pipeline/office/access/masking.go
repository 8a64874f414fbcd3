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
	belgianForms = regexp.MustCompile(`(?i:` + plateEdge + `[0-9]` + plateGap + `[A-Z]{3}` + plateGap + `[0-9]{3}` + plateEdge +
		`|\b(?:[A-Z]{3}\p{Pd}?[0-9]{3}|[0-9]{3}\p{Pd}?[A-Z]{3})\b)`)
	otherForms = regexp.MustCompile(`\b(?:[A-Z]{1,3}[ \p{Pd}][A-Z]{1,2}[ \p{Pd}]?[0-9]{1,4}|[A-Z]{2} [0-9]{3,4}(?: [A-Z]{2})?|[A-Za-z0-9]{1,4}(?:\p{Pd}[A-Za-z0-9]{1,4}){1,2}|[A-Za-z0-9]{5,10})\b`)
	longID     = regexp.MustCompile(`^[0-9a-fA-F-]{32,64}$`)
)

// Parts of the Belgian form. plateGap is what may stand between its groups, with each dash that a word processor writes.
// plateEdge bounds a plate; an underscore does too, as in a file's name.
const (
	plateGap  = `[\p{Zs}._\p{Pd}]{0,3}`
	plateEdge = `(?:\b|_)`
)

// certainForms finds plates beyond doubt. A Belgian plate is in one piece or has dashes or dots; in capitals it may have
// spaces. A French plate is in capitals. noPlates excludes box numbers from addresses and short words between two
// numbers.
var (
	certainForms = regexp.MustCompile(plateEdge + `(?:[1-9][._\p{Pd}]?(?i:[A-Z]{3})[._\p{Pd}]?[0-9]{3}|[1-9]` + plateGap + `[A-Z]{3}` + plateGap + `[0-9]{3}` +
		`|[A-Z]{2}\p{Pd}[0-9]{3}\p{Pd}[A-Z]{2})` + plateEdge)
	noPlates = regexp.MustCompile(`^(?:[1-9](?i:bus|bte)[0-9]{3}|[1-9]\p{Zs}+(?:` + shortWords + `)\p{Zs}+[0-9]{3})$`)
)

// shortWords are words of three letters that stand between numbers in Dutch and French texts in capitals.
const shortWords = `ANS|BIS|BMW|BTE|BUS|EUR|GPS|GSM|KMS|MAN|MET|MIN|SUV|TER|TOT|UUR|VAN|VTT`

// HasPlate reports whether a text holds a plate beyond doubt. Invisible characters do not hide a plate.
func HasPlate(text string) bool {
	return slices.ContainsFunc(certainForms.FindAllString(dropUnseen(text), -1), func(found string) bool { return !noPlates.MatchString(strings.Trim(found, "_")) })
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
		b.WriteString(m.markPlate(text[span[2]:span[3]]))
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

// measures finds times of the day and lengths in one word, as French and Dutch texts write them: 14h30, 14u30, 120km. No
// country has such plates.
var measures = regexp.MustCompile(`^(?i:[0-2]?[0-9][hu][0-5][0-9]|[0-9]{3,4}(?:km|cm|kg))$`)

// newMasker makes an entry's masker. named are the question's plates, and known are texts that only look like plates.
func newMasker(key *PlateKey, named, known []string) *masker {
	return &masker{key: key, named: named, form: formOf(named), known: known}
}

// markPlate stores a plate and returns the text to put in its place.
func (m *masker) markPlate(plate string) string {
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
		return replaceMatches(m.form, text, func(plate string) string { return m.markPlate(strings.ToUpper(plate)) }, rest)
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
	if letters == 0 || digits == 0 || len(plate) < minPlateWord || len(plate) > maxPlateWord || measures.MatchString(word) {
		return word
	}
	return m.markPlate(plate)
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
		return quoteJSON(m.maskText(text))
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
		return m.markPlate(text)
	case err == nil, longID.MatchString(text), slices.Contains(m.known, text):
		return text
	case (field == "user" || field == "account") && text != "" && !unicode.IsDigit(rune(text[0])):
		return replaceMatches(belgianForms, text, m.maskWord, keepText)
	}
	return m.maskText(text)
}
