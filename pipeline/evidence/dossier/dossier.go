// Package dossier writes the dossier of a case as an HTML file that needs no script and no network: the accessible
// original of what a court gets, in Dutch or in French. The package is pure: the same case gives the same bytes.
package dossier

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Case is what a dossier shows. Zero values are left out.
type Case struct {
	CaseID    string
	Version   int64
	OffenceID string
	Number    string // of the report
	State     string
	EndReason string
	Track     string
	Regime    string
	Family    string
	Rule      string

	Plate, Country         string // as sealed
	Corrected              string // plate on which people agreed
	CorrectedCountry       string
	Confidence             schemas.PerMille
	CapturedAt, ReceivedAt schemas.Micros

	Street       schemas.Street
	Municipality uint32 // NIS code
	Zone         string
	Site         string
	Camera       string
	Lane         uint8
	Direction    string

	Measures    []schemas.Measure
	AmountCents int64
	LegalBasis  string
	Verified    bool // every value of the catalogue used is verified
	Trace       []schemas.Step

	Device  *Device
	Vehicle *Vehicle

	Pictures []Picture
	Events   []Event

	Seal, PrevSeal       schemas.Digest
	Catalogue, Reference string // versions of the decision
}

// Device is a certificate of the measuring device at the capture.
type Device struct {
	Serial   string         `json:"serial"`
	Approval string         `json:"approval"`
	From     schemas.Micros `json:"valid_from"`
	To       schemas.Micros `json:"valid_to"` // exclusive
}

// Vehicle is the row of a register under the plate on the day of the capture.
type Vehicle struct {
	Register          string         `json:"register"` // country
	AsOf              schemas.Micros `json:"as_of,omitempty"`
	Category          string         `json:"category"`
	Fuel              string         `json:"fuel"`
	Euro              string         `json:"euro"`
	FirstRegistration string         `json:"first_registration,omitempty"`
}

// Picture is a picture beside the dossier.
type Picture struct {
	Path   string
	Kind   string
	SHA256 schemas.Digest
}

// Event is one record of the case.
type Event struct {
	N           int64
	At          schemas.Micros
	Kind        string
	User        string // "" = the program
	Role        string
	Appointment string
	Verdict     string
	Reason      string
	Text        string // what a person wrote
	Remark      string // code of what the program noted: a kind of incident, RemarkRevived or RemarkNoneRevived; "" = nothing
	Withheld    bool   // only its place in the chain is shown
}

// The remarks of the program about the passages that an ended case had swallowed.
const (
	RemarkRevived     = "revived"      // the next attempt took the place of the case
	RemarkNoneRevived = "none_revived" // none of them stands
)

// Texts renders what the rules say, in a language.
type Texts struct {
	Step   func(lang string, s *schemas.Step) string
	Basis  func(lang, cited string) string
	Reason func(lang, code string) string
}

// Languages lists the languages of dossiers.
func Languages() []string { return []string{"nl", "fr"} }

//go:embed dossier.html.tmpl
var pageText string

// row is a line of a table of facts.
type row struct{ Label, Value string }

// view is a case in the words of one language.
type view struct {
	Lang     string
	W        map[string]string
	Title    string
	Head     []row
	Facts    []row
	Measures []row
	Trace    []string
	Device   []row
	Vehicle  []row
	Pictures []shownPicture
	Events   []shownEvent
	Versions []row
}

type shownPicture struct{ Path, Kind, Alt, SHA256 string }

type shownEvent struct {
	N                 int64
	At, Machine       string
	What, Who, Answer string
	Withheld          bool
}

// pages are the templates by name.
var pages = template.Must(template.New("").Parse(pageText))

// Write writes the dossier in nl or fr.
func Write(c *Case, lang string, t Texts) ([]byte, error) { return execute("dossier", c, lang, t) }

// WriteTrace writes the verdict of the rules alone, clause by clause.
func WriteTrace(c *Case, lang string, t Texts) ([]byte, error) { return execute("trace", c, lang, t) }

func execute(name string, c *Case, lang string, t Texts) ([]byte, error) {
	words, ok := wordsIn(lang)
	if !ok {
		return nil, fmt.Errorf("dossier: there is none in %.10q", lang)
	}
	var b bytes.Buffer
	v := newWriter(c, lang, words, t).view()
	if err := pages.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("dossier: %w", err)
	}
	return b.Bytes(), nil
}

// writer turns the codes of a case into words.
type writer struct {
	c    *Case
	lang string
	w    map[string]string
	t    Texts
}

func newWriter(c *Case, lang string, words map[string]string, t Texts) *writer {
	return &writer{c, lang, words, t}
}

// word returns the text of a code of a group; the rules know the rest, and an unknown code stays.
func (w *writer) word(group, code string) string {
	if text := w.w[group+"."+code]; text != "" || code == "" {
		return text
	}
	return w.t.Reason(w.lang, code)
}

// add appends a row that says something.
func add(rows []row, label, value string) []row {
	if value == "" {
		return rows
	}
	return append(rows, row{label, value})
}

func (w *writer) view() *view {
	c := w.c
	v := &view{Lang: w.lang, W: w.w, Title: w.w["title"] + " " + c.CaseID}
	if c.Number != "" {
		v.Title = w.w["title"] + " " + c.Number
	}
	v.Head, v.Facts, v.Measures = w.head(), w.facts(), w.measures()
	for i := range c.Trace {
		v.Trace = append(v.Trace, w.t.Step(w.lang, &c.Trace[i]))
	}
	v.Device, v.Vehicle = w.device(), w.vehicle()
	for _, p := range c.Pictures {
		kind := w.word("kind", p.Kind)
		alt := fmt.Sprintf(w.w["picture_alt"], kind, w.time(c.CapturedAt), w.place())
		v.Pictures = append(v.Pictures, shownPicture{p.Path, kind, alt, p.SHA256.String()})
	}
	for i := range c.Events {
		v.Events = append(v.Events, w.event(&c.Events[i]))
	}
	for _, r := range []row{{"case_id", c.CaseID}, {"version", strconv.FormatInt(c.Version, 10)}, {"offence_id", c.OffenceID}, {"seal", c.Seal.String()}, {"prev_seal", c.PrevSeal.String()}, {"catalogue", c.Catalogue}, {"reference", c.Reference}} {
		v.Versions = add(v.Versions, w.w[r.Label], r.Value)
	}
	return v
}

func (w *writer) head() (out []row) {
	c := w.c
	state := w.word("state", c.State)
	if c.EndReason != "" {
		state += " (" + w.word("reason", c.EndReason) + ")"
	}
	out = add(out, w.w["number"], c.Number)
	out = add(out, w.w["state"], state)
	out = add(out, w.w["track"], w.word("track", c.Track))
	out = add(out, w.w["family"], w.word("family", c.Family))
	out = add(out, w.w["rule"], c.Rule)
	if c.AmountCents != 0 {
		out = add(out, w.w["amount"], cents(c.AmountCents)+" EUR")
	}
	out = add(out, w.w["basis"], w.t.Basis(w.lang, c.LegalBasis))
	if !c.Verified {
		out = add(out, w.w["verified"], w.w["not_verified"])
	}
	return out
}

func (w *writer) facts() (out []row) {
	c := w.c
	out = add(out, w.w["plate"], plateText(c.Plate, c.Country))
	out = add(out, w.w["corrected"], plateText(c.Corrected, c.CorrectedCountry))
	out = add(out, w.w["confidence"], decimal(int64(c.Confidence), 10)+" %")
	out = add(out, w.w["captured"], w.time(c.CapturedAt))
	out = add(out, w.w["captured_utc"], c.CapturedAt.Time().UTC().Format("2006-01-02T15:04:05.000000Z"))
	if c.ReceivedAt != 0 {
		out = add(out, w.w["received"], w.time(c.ReceivedAt))
	}
	out = add(out, w.w["place"], w.place())
	if c.Municipality != 0 {
		out = add(out, w.w["municipality"], strconv.FormatUint(uint64(c.Municipality), 10))
	}
	out = add(out, w.w["zone"], c.Zone)
	out = add(out, w.w["camera"], c.Camera)
	if c.Lane != 0 {
		out = add(out, w.w["lane"], strconv.Itoa(int(c.Lane)))
	}
	return add(out, w.w["direction"], w.word("direction", c.Direction))
}

// place names the street, else the site or the camera.
func (w *writer) place() string {
	for _, text := range []string{w.c.Street.Text(w.lang), w.c.Site} {
		if text != "" {
			return text
		}
	}
	return w.c.Camera
}

// measures writes the numbers of the decision; the unit stands at the end of a measure's name.
func (w *writer) measures() (out []row) {
	for i := range w.c.Measures {
		m := &w.c.Measures[i]
		value := strconv.FormatInt(m.Value, 10)
		if strings.HasSuffix(string(m.Name), "_dkmh") {
			value = decimal(m.Value, 10) + " " + w.w["kmh"]
		}
		if m.Device != "" {
			value += " (" + w.w["device"] + " " + m.Device + ")"
		}
		label := w.w["measure."+string(m.Name)]
		if label == "" {
			label = string(m.Name)
		}
		out = append(out, row{label, value})
	}
	return out
}

func (w *writer) device() (out []row) {
	d := w.c.Device
	if d == nil {
		return nil
	}
	out = add(out, w.w["serial"], d.Serial)
	out = add(out, w.w["approval"], d.Approval)
	out = add(out, w.w["valid_from"], w.time(d.From))
	return add(out, w.w["valid_to"], w.time(d.To))
}

func (w *writer) vehicle() (out []row) {
	v := w.c.Vehicle
	if v == nil {
		return nil
	}
	out = add(out, w.w["register"], v.Register)
	if v.AsOf != 0 {
		out = add(out, w.w["as_of"], w.time(v.AsOf))
	}
	out = add(out, w.w["category"], v.Category)
	out = add(out, w.w["fuel"], w.word("fuel", v.Fuel))
	out = add(out, w.w["euro"], v.Euro)
	return add(out, w.w["first_registration"], v.FirstRegistration)
}

func (w *writer) event(e *Event) shownEvent {
	out := shownEvent{N: e.N, At: w.time(e.At), Machine: e.At.Time().UTC().Format(time.RFC3339Nano), What: w.word("event", e.Kind), Withheld: e.Withheld}
	out.Who = w.w["program"]
	if e.User != "" {
		out.Who = e.User + ", " + w.word("role", e.Role)
	}
	if e.Appointment != "" {
		out.Who += ", " + w.w["appointment"] + " " + e.Appointment
	}
	var answer []string
	if e.Verdict != "" {
		answer = append(answer, w.word("verdict", e.Verdict))
	}
	if e.Reason != "" {
		answer = append(answer, w.word("reason", e.Reason))
	}
	if e.Remark != "" {
		answer = append(answer, w.word("remark", e.Remark))
	}
	if e.Text != "" {
		answer = append(answer, e.Text)
	}
	out.Answer = strings.Join(answer, ": ")
	return out
}

// time writes an instant on the clock of Brussels, with its offset.
func (w *writer) time(at schemas.Micros) string {
	return at.Local().Format("02/01/2006 15:04:05.000 (-07:00)")
}

func plateText(plate, country string) string {
	if plate == "" || country == "" {
		return plate
	}
	return plate + " (" + country + ")"
}

// cents writes an amount with a decimal comma, as both languages do.
func cents(n int64) string {
	return fmt.Sprintf("%d,%02d", n/100, n%100)
}

// decimal writes tenths with a decimal comma.
func decimal(tenths, per int64) string {
	if tenths%per == 0 {
		return strconv.FormatInt(tenths/per, 10)
	}
	return fmt.Sprintf("%d,%d", tenths/per, tenths%per)
}
