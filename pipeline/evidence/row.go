package evidence

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Row is a stored row in the table offences. InsertedAt is no part of the offence: a repeated insert has another value.
type Row schemas.OffenceRow

// Columns returns a Row's columns that an insert writes, in table order.
func Columns() []string {
	return schemas.ColumnNames[schemas.OffenceRow](func(c schemas.Column) bool { return c.Insert })
}

// Decision parses the row's sealed bytes and returns the decision with the row's seal.
func (r *Row) Decision() (schemas.Decision, error) {
	d, err := ParseSealed([]byte(r.Sealed))
	if err != nil {
		return d, err
	}
	copy(d.Seal[:], r.Seal)
	d.Sealed = []byte(r.Sealed)
	return d, nil
}

// Altered returns the columns that differ from the sealed content, in table order; none for an unchanged row. Sealed
// bytes that do not parse, and a seal that does not match them, are altered columns too. The other columns then stay
// unchecked.
//
// Altered compares within the row alone. Package seals compares columns without a seal (site, zone, municipality, place
// in the log) with other rows. A removed or newly sealed row shows in the camera's chain and on the offence topic.
func (r *Row) Altered() []string {
	d, err := r.Decision()
	if err != nil {
		return []string{"sealed"}
	}
	if Verify(&d, d.PrevSeal) != nil || len(r.Seal) != len(d.Seal) {
		return []string{"seal_sha256", "sealed"}
	}
	var sealed schemas.OffenceRow
	sealed.SetMeasures(d.Measures)
	var out []string
	for _, c := range []struct {
		column string
		same   bool
	}{
		{"offence_id", r.OffenceID == d.Offence},
		{"rule", r.Rule == string(d.Rule)},
		{"rule_version", r.RuleVersion == d.RuleVersion},
		{"family", r.Family == string(d.Family)},
		{"status", r.Status == statusOf(d.Outcome)},
		{"reason", r.Reason == d.Reason},
		{"hold_until", schemas.MicrosOf(r.HoldUntil) == d.HoldUntil},
		{"plate", r.Plate == d.On.Plate.String()},
		{"class", r.Class == d.On.Plate.Class().String()},
		{"country", r.Country == d.On.Country.String()},
		{"passage_id", r.PassageID == d.Passage},
		{"read_id", r.ReadID == d.On.Read},
		{"camera_id", r.Camera == d.On.Camera},
		{"captured_at", schemas.MicrosOf(r.CapturedAt) == d.On.CapturedAt},
		{"day", r.Day.UTC().Format(time.DateOnly) == d.On.CapturedAt.Day().String()},
		{"amount_cents", r.Amount == d.AmountCents},
		{"measures.name", slices.Equal(r.MeasureNames, sealed.MeasureNames)},
		{"measures.value", slices.Equal(r.MeasureValues, sealed.MeasureValues)},
		{"measures.uncertainty", slices.Equal(r.MeasureUncertainties, sealed.MeasureUncertainties)},
		{"measures.device", slices.Equal(r.MeasureDevices, sealed.MeasureDevices)},
		{"legal_basis", r.LegalBasis == d.LegalBasis},
		{"verified", r.Verified == d.Verified},
		{"trace", sameTrace(r.Trace, d.Trace)},
		{"catalogue_version", r.Catalogue == d.CatalogueVersion},
		{"reference_version", r.Reference == d.ReferenceVersion},
		{"image_sha256", r.Image == schemas.DigestOf(d.On.Image)},
		{"prev_seal_sha256", r.PrevSeal == schemas.Digest(d.PrevSeal[:])},
	} {
		if !c.same {
			out = append(out, c.column)
		}
	}
	return out
}

// IsSame reports whether both rows are equal in every column but the insert time.
func (r *Row) IsSame(other *Row) bool {
	a, b := *r, *other
	for _, row := range [...]*Row{&a, &b} {
		row.InsertedAt, row.Measured, row.Corrected, row.Limit = time.Time{}, 0, 0, 0                                // the speeds are aliases of measures
		if len(row.MeasureNames)+len(row.MeasureValues)+len(row.MeasureUncertainties)+len(row.MeasureDevices) == 0 { // an empty list is none
			row.MeasureNames, row.MeasureValues, row.MeasureUncertainties, row.MeasureDevices = nil, nil, nil, nil
		}
	}
	return reflect.DeepEqual(a, b)
}

// Unsealed lists a Row's columns without a seal; Altered does not check them.
func Unsealed() []string {
	return []string{"site", "zone", "municipality", "kafka_partition", "kafka_offset", "seq"}
}

// statusOf returns the status column for an outcome.
func statusOf(o schemas.Outcome) string {
	switch o {
	case schemas.OutcomeOffence:
		return "candidate"
	case schemas.OutcomeHeld:
		return "held"
	default:
		return ""
	}
}

// sameTrace compares the steps' content: stored traces may use other escapes.
func sameTrace(stored string, steps []schemas.Step) bool {
	want := AppendTrace(nil, steps)
	if stored == string(want) {
		return true
	}
	got, err := ParseTrace([]byte(stored))
	return err == nil && strings.TrimSpace(stored) != "null" && string(AppendTrace(nil, got)) == string(want)
}

// MarshalJSON writes the columns by name, sums in hexadecimal and the sealed bytes in base64. Anyone can verify the
// copy.
func (r Row) MarshalJSON() ([]byte, error) {
	out := map[string]any{}
	v := reflect.ValueOf(r)
	for _, c := range schemas.ColumnsOf[Row]() {
		if c.Insert {
			out[c.Name] = v.Field(c.Field).Interface()
		}
	}
	out["sealed"] = []byte(r.Sealed)
	return json.Marshal(out)
}

// UnmarshalJSON reads MarshalJSON's form, and an earlier form with three speeds and no measures. A missing or unknown
// column is an error: a row read in part proves nothing.
func (r *Row) UnmarshalJSON(b []byte) error {
	in := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	old, err := takeSpeeds(in)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(r).Elem()
	for _, c := range schemas.ColumnsOf[Row]() {
		if !c.Insert || old != nil && strings.HasPrefix(c.Name, "measures.") {
			continue
		}
		raw, ok := in[c.Name]
		if !ok {
			return fmt.Errorf("%s is missing", c.Name)
		}
		delete(in, c.Name)
		if err := readColumn(raw, c, v.Field(c.Field)); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	for column := range in {
		return fmt.Errorf("%.40q is no column of an offence", column)
	}
	if old != nil {
		(*schemas.OffenceRow)(r).SetMeasures(schemas.SpeedMeasures(old[0], old[1], old[2]))
	}
	return nil
}

// takeSpeeds takes the three speeds out of the columns in the earlier form; nil when there are measures.
func takeSpeeds(in map[string]json.RawMessage) (*[3]int32, error) {
	if _, ok := in["measures.name"]; ok {
		return nil, nil //nolint:nilnil // no speeds and no fault
	}
	var out [3]int32
	for i, column := range [...]string{"measured_dkmh", "corrected_dkmh", "limit_dkmh"} {
		raw, ok := in[column]
		if !ok {
			return nil, fmt.Errorf("%s is missing, and so is measures.name", column)
		}
		delete(in, column)
		if err := json.Unmarshal(raw, &out[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", column, err)
		}
	}
	return &out, nil
}

// readColumn reads a column's JSON into the field. A text that is no id leaves the zero id. No decision has the zero
// id, so Altered reports the column.
func readColumn(raw json.RawMessage, c schemas.Column, field reflect.Value) error {
	var text string
	switch {
	case c.Name == "sealed":
		var sealed []byte
		err := json.Unmarshal(raw, &sealed)
		field.SetString(string(sealed))
		return err
	case c.Type == "UUID" && json.Unmarshal(raw, &text) == nil:
		id, _ := schemas.ParseID(text) // else the zero id
		field.FieldByName("ID").Set(reflect.ValueOf(id))
		return nil
	}
	return json.Unmarshal(raw, field.Addr().Interface())
}
