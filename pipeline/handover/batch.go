package handover

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the forms.
const (
	BatchForm     = "anpr-handover/1"
	AnswerForm    = "anpr-handover-answer/1"
	AnnulmentForm = "anpr-annulment/1"
)

// MaxCases is the number of cases of one batch.
const MaxCases = 100

// Text is a text in both languages.
type Text struct {
	NL string `json:"nl"`
	FR string `json:"fr"`
}

// Place is where an offence was found.
type Place struct {
	Street       *Text  `json:"street,omitempty"`
	Municipality *Text  `json:"municipality,omitempty"`
	NIS          uint32 `json:"municipality_nis"`
	Zone         string `json:"zone,omitempty"`
	Site         string `json:"site"`
	Camera       string `json:"camera,omitempty"`
	Lane         uint8  `json:"lane,omitempty"`
	Direction    string `json:"direction,omitempty"`
}

// Device is the device that measured.
type Device struct {
	Serial   string `json:"serial"`
	Approval string `json:"approval"`
}

// Norm is what a zone asks of a vehicle, and what the vehicle has.
type Norm struct {
	Required string `json:"required"`
	Vehicle  string `json:"vehicle"`
	Fuel     string `json:"fuel,omitempty"`
	Category string `json:"category,omitempty"`
}

// Officer is who found the offence, with the appointment that made it lawful.
type Officer struct {
	Name        string `json:"name"`
	Function    string `json:"function"`
	Appointment string `json:"appointment"`
	DecidedAt   Time   `json:"decided_at"`
}

// Time is an instant, in UTC to the microsecond.
type Time struct{ time.Time }

const timeForm = "2006-01-02T15:04:05.000000Z"

// String writes the instant; "" for none.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeForm)
}

// MarshalJSON writes the instant.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// Line is one case of a batch. A value that is not there is absent.
type Line struct {
	Number      string   `json:"number"`
	CaseID      string   `json:"case_id"`
	OffenceID   string   `json:"offence_id"`
	Track       string   `json:"track"`
	Family      string   `json:"family"`
	Rule        string   `json:"offence_code"`
	Finding     string   `json:"finding,omitempty"`
	LegalBasis  Text     `json:"legal_basis"`
	Plate       string   `json:"plate"`
	Country     string   `json:"country"`
	CapturedAt  Time     `json:"captured_at"`
	Place       Place    `json:"place"`
	Device      *Device  `json:"device,omitempty"`
	Measured    int64    `json:"measured_dkmh,omitempty"`
	Corrected   int64    `json:"corrected_dkmh,omitempty"`
	Limit       int64    `json:"limit_dkmh,omitempty"`
	Norm        *Norm    `json:"norm,omitempty"`
	Outcome     string   `json:"outcome"`
	AmountCents int64    `json:"amount_cents"`
	Recidivism  int      `json:"recidivism"`
	Officer     *Officer `json:"officer,omitempty"`
	SendBy      Time     `json:"send_by,omitzero"`
	DropBy      Time     `json:"drop_by,omitzero"`
	Seal        string   `json:"seal_sha256"`
	Bundle      string   `json:"bundle_sha256"`
}

// Batch is what is handed over at once.
type Batch struct {
	Form    string `json:"form"`
	BatchID string `json:"batch_id"`
	Track   string `json:"track"`
	MadeAt  Time   `json:"made_at"`
	Cases   []Line `json:"cases"`
}

// NewBatch returns a batch of the lines, in the order of their numbers.
func NewBatch(id, track string, at time.Time, lines []Line) *Batch {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Number, b.Number) })
	return &Batch{Form: BatchForm, BatchID: id, Track: track, MadeAt: Time{at}, Cases: lines}
}

// CheckLine returns what keeps a case from a batch of its own track: "export_" and the path of a field, as the export
// check names it.
func CheckLine(l Line) (out []string) {
	file, err := NewBatch("00000000-0000-0000-0000-000000000000", l.Track, time.Unix(0, 0), []Line{l}).JSON()
	if err != nil {
		return []string{"export_" + err.Error()}
	}
	for _, f := range BatchSchema.Check(file) {
		path := strings.TrimPrefix(strings.TrimPrefix(f.Path, "cases[0]"), ".")
		out = append(out, "export_"+cmp.Or(path, "form"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HasCSV reports whether the recipient of a track gets the batch as CSV too.
func HasCSV(track string) bool { return track != "prosecutor" }

// JSON writes batch.json.
func (b *Batch) JSON() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(b); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return out.Bytes(), nil
}

// column is one column of batch.csv, named by its path in batch.json.
type column struct {
	name  string
	value func(l *Line) string
}

func number[N int | int64 | uint8 | uint32](n N) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

// orZero returns what a pointer points to, or the zero value.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

var columns = []column{
	{"number", func(l *Line) string { return l.Number }},
	{"case_id", func(l *Line) string { return l.CaseID }},
	{"offence_id", func(l *Line) string { return l.OffenceID }},
	{"track", func(l *Line) string { return l.Track }},
	{"family", func(l *Line) string { return l.Family }},
	{"offence_code", func(l *Line) string { return l.Rule }},
	{"finding", func(l *Line) string { return l.Finding }},
	{"legal_basis.nl", func(l *Line) string { return l.LegalBasis.NL }},
	{"legal_basis.fr", func(l *Line) string { return l.LegalBasis.FR }},
	{"plate", func(l *Line) string { return l.Plate }},
	{"country", func(l *Line) string { return l.Country }},
	{"captured_at", func(l *Line) string { return l.CapturedAt.String() }},
	{"place.street.nl", func(l *Line) string { return orZero(l.Place.Street).NL }},
	{"place.street.fr", func(l *Line) string { return orZero(l.Place.Street).FR }},
	{"place.municipality.nl", func(l *Line) string { return orZero(l.Place.Municipality).NL }},
	{"place.municipality.fr", func(l *Line) string { return orZero(l.Place.Municipality).FR }},
	{"place.municipality_nis", func(l *Line) string { return number(l.Place.NIS) }},
	{"place.zone", func(l *Line) string { return l.Place.Zone }},
	{"place.site", func(l *Line) string { return l.Place.Site }},
	{"place.camera", func(l *Line) string { return l.Place.Camera }},
	{"place.lane", func(l *Line) string { return number(l.Place.Lane) }},
	{"place.direction", func(l *Line) string { return l.Place.Direction }},
	{"device.serial", func(l *Line) string { return orZero(l.Device).Serial }},
	{"device.approval", func(l *Line) string { return orZero(l.Device).Approval }},
	{"measured_dkmh", func(l *Line) string { return number(l.Measured) }},
	{"corrected_dkmh", func(l *Line) string { return number(l.Corrected) }},
	{"limit_dkmh", func(l *Line) string { return number(l.Limit) }},
	{"norm.required", func(l *Line) string { return orZero(l.Norm).Required }},
	{"norm.vehicle", func(l *Line) string { return orZero(l.Norm).Vehicle }},
	{"norm.fuel", func(l *Line) string { return orZero(l.Norm).Fuel }},
	{"norm.category", func(l *Line) string { return orZero(l.Norm).Category }},
	{"outcome", func(l *Line) string { return l.Outcome }},
	{"amount_cents", func(l *Line) string { return strconv.FormatInt(l.AmountCents, 10) }},
	{"recidivism", func(l *Line) string { return strconv.Itoa(l.Recidivism) }},
	{"officer.name", func(l *Line) string { return orZero(l.Officer).Name }},
	{"officer.function", func(l *Line) string { return orZero(l.Officer).Function }},
	{"officer.appointment", func(l *Line) string { return orZero(l.Officer).Appointment }},
	{"officer.decided_at", func(l *Line) string { return orZero(l.Officer).DecidedAt.String() }},
	{"send_by", func(l *Line) string { return l.SendBy.String() }},
	{"drop_by", func(l *Line) string { return l.DropBy.String() }},
	{"seal_sha256", func(l *Line) string { return l.Seal }},
	{"bundle_sha256", func(l *Line) string { return l.Bundle }},
}

// CSV writes batch.csv: a byte order mark, a line of names, a line a case; semicolons, as Belgian spreadsheets expect. A
// cell that a spreadsheet would take for a formula begins with an apostrophe.
func (b *Batch) CSV() ([]byte, error) {
	out := bytes.NewBufferString("\ufeff")
	w := csv.NewWriter(out)
	w.Comma, w.UseCRLF = ';', true
	row := make([]string, len(columns))
	for i := range columns {
		row[i] = columns[i].name
	}
	_ = w.Write(row) // Flush tells
	for i := range b.Cases {
		for j := range columns {
			row[j] = harmless(columns[j].value(&b.Cases[i]))
		}
		_ = w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return out.Bytes(), nil
}

// harmless returns a cell that no spreadsheet computes.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
