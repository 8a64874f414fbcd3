package rules

import (
	"embed"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gvc-brussels/anpr/schemas"
)

// Lang is a language of the message catalogue.
type Lang string

// The languages.
const (
	English Lang = "en"
	Dutch   Lang = "nl"
	French  Lang = "fr"
)

// Langs lists the languages.
func Langs() []Lang { return []Lang{English, Dutch, French} }

//go:embed messages/*.yaml
var messageFiles embed.FS

var messages = loadMessages()

// loadMessages reads messages/LANG.yaml and the messages/FAMILY.LANG.yaml for each family. Every text is in exactly
// one file.
func loadMessages() map[Lang]map[string]string {
	out := map[Lang]map[string]string{}
	for _, lang := range Langs() {
		out[lang] = map[string]string{}
		files, err := fs.Glob(messageFiles, "messages/*."+string(lang)+".yaml")
		if err != nil {
			panic("BUG: " + err.Error())
		}
		for _, file := range append(files, "messages/"+string(lang)+".yaml") {
			addMessages(out[lang], file)
		}
	}
	return out
}

func addMessages(all map[string]string, file string) {
	b, err := messageFiles.ReadFile(file)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	m := map[string]string{}
	if err := yaml.UnmarshalWithOptions(b, &m, yaml.Strict()); err != nil {
		panic("BUG: " + file + ": " + err.Error())
	}
	for key, text := range m {
		if _, ok := all[key]; ok {
			panic("BUG: " + file + ": " + key + " stands in another file too")
		}
		all[key] = text
	}
}

// Render writes a decision for staff: a heading, the day to look again and the amount if there are any, then one line
// for each clause in the trace. English replaces an unknown language.
func Render(lang Lang, d schemas.Decision) []string {
	t := textsOf(lang)
	head := t.fillText("ui.head", t.wordFor("outcome", d.Outcome.String()), t.Reason(d.Reason))
	out := []string{t.fillText("ui.head", t.wordFor("family", string(d.Family)), head)}
	if d.HoldUntil != 0 {
		out = append(out, t.fillText("ui.hold", d.HoldUntil.String()))
	}
	if d.AmountCents != 0 {
		out = append(out, t.fillText("ui.amount", strconv.FormatInt(d.AmountCents, 10)))
	}
	if d.LegalBasis != "" {
		out = append(out, t.fillText("ui.basis", RenderBasis(lang, d.LegalBasis)))
	}
	for i := range d.Trace {
		out = append(out, RenderStep(lang, d.Trace[i]))
	}
	return out
}

// RenderStep writes one clause of a trace: question, answer, legal basis, and a mark for an unverified value. A clause
// without a message, for example from a newer version, is written as code and arguments.
func RenderStep(lang Lang, s schemas.Step) string {
	t := textsOf(lang)
	answer := t.m["ui.no"]
	if s.Holds {
		answer = t.m["ui.yes"]
	}
	text := s.Code + " " + strings.Join(s.Args, " ")
	if _, ok := t.m["step."+s.Code]; ok {
		text = t.fillText("step."+s.Code, s.Args...)
	}
	line := t.fillText("ui.step", text, answer)
	if s.Basis != "" {
		line += " [" + t.fillText("ui.basis", RenderBasis(lang, s.Basis)) + "]"
	}
	if !s.Verified {
		line += " (" + t.m["ui.unverified"] + ")"
	}
	return line
}

// NamesAmount reports whether the text of a clause names an amount of money. Nobody who is to decide is shown one.
func NamesAmount(code string) bool { return strings.Contains(messages[English]["step."+code], ":eur}") }

// RenderReason writes a reason in a language. The code replaces an unknown reason, English an unknown language.
func RenderReason(lang Lang, reason string) string { return textsOf(lang).Reason(reason) }

type texts struct {
	lang Lang
	m    map[string]string
}

func textsOf(lang Lang) texts {
	m, ok := messages[lang]
	if !ok {
		lang, m = English, messages[English]
	}
	return texts{lang, m}
}

// Reason writes a reason. For an exemption from the catalogue, Reason writes the kind of exemption.
func (t texts) Reason(reason string) string {
	if kind, ok := strings.CutPrefix(reason, reasonExempt); ok {
		return t.fillText("ui.exempt", kind)
	}
	return t.wordFor("reason", reason)
}

// wordFor returns the word for a code in a closed set, or the code if there is no word.
func (t texts) wordFor(group, code string) string {
	if w, ok := t.m[group+"."+code]; ok {
		return w
	}
	return code
}

// fillText fills the arguments into a message. A placeholder is {n} or {n:form}; without an argument the placeholder
// stays.
func (t texts) fillText(key string, args ...string) string {
	var b strings.Builder
	rest := t.m[key]
	for {
		before, after, ok := strings.Cut(rest, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		inside, tail, closed := strings.Cut(after, "}")
		n, form := parsePlaceholder(inside)
		if !closed || n < 0 || n >= len(args) {
			b.WriteString("{" + inside + "}")
		} else {
			b.WriteString(t.formatArg(form, args[n]))
		}
		rest = tail
	}
}

// parsePlaceholder splits "1:day" into number and form; n is negative for invalid text.
func parsePlaceholder(inside string) (n int, form string) {
	num, form, _ := strings.Cut(inside, ":")
	n, err := strconv.Atoi(num)
	if err != nil {
		return -1, ""
	}
	return n, form
}

// forms are the formats for arguments. Any other form names a group of words.
var forms = map[string]func(t texts, arg string) (string, bool){
	"":       func(_ texts, arg string) (string, bool) { return arg, true },
	"day":    renderDay,
	"date":   renderDate,
	"time":   renderTime,
	"minute": renderMinute,
	"eur":    func(t texts, arg string) (string, bool) { return t.formatDecimal(arg, 2) },
	"kmh":    func(t texts, arg string) (string, bool) { return t.formatDecimal(arg, 1) },
}

func (t texts) formatArg(form, arg string) string {
	if arg == "" {
		return t.m["ui.none"]
	}
	f, ok := forms[form]
	if !ok {
		return t.wordFor(form, arg)
	}
	if s, ok := f(t, arg); ok {
		return s
	}
	return arg
}

func renderDay(_ texts, arg string) (string, bool) {
	d, err := time.Parse(time.DateOnly, arg)
	return d.Format("02/01/2006"), err == nil
}

// renderDate writes a day in full: 1 juli 2026, 1er juillet 2026.
func renderDate(t texts, arg string) (string, bool) {
	d, err := time.Parse(time.DateOnly, arg)
	if err != nil {
		return "", false
	}
	day := strconv.Itoa(d.Day())
	if t.lang == French && d.Day() == 1 {
		day = "1er"
	}
	return day + " " + t.m["month."+d.Format("01")] + " " + d.Format("2006"), true
}

func renderTime(_ texts, arg string) (string, bool) {
	at, err := time.Parse(time.RFC3339Nano, arg)
	return at.In(schemas.Brussels()).Format("02/01/2006 15:04:05"), err == nil
}

// renderMinute writes an instant in the usual way for the beginning of an event, without seconds.
func renderMinute(t texts, arg string) (string, bool) {
	at, err := time.Parse(time.RFC3339Nano, arg)
	layout := "02/01/2006 15:04"
	switch t.lang {
	case English:
	case Dutch:
		layout = "02/01/2006 15.04 uur"
	case French:
		layout = "02/01/2006 à 15h04"
	}
	return at.In(schemas.Brussels()).Format(layout), err == nil
}

// formatDecimal writes a whole number of 10^-places with the language's separator. With one place, a zero fraction is
// left out.
func (t texts) formatDecimal(arg string, places int) (string, bool) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 0 {
		return "", false
	}
	sep := ","
	if t.lang == English {
		sep = "."
	}
	digits := strings.Repeat("0", max(places+1-len(arg), 0)) + arg
	whole, fraction := digits[:len(digits)-places], digits[len(digits)-places:]
	if places == 1 && fraction == "0" {
		return whole, true
	}
	return whole + sep + fraction, true
}
