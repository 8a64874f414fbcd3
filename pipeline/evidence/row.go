package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Row is a row of the table offences as it is stored. The tags name its columns.
type Row struct {
	OffenceID    string    `ch:"offence_id"`
	Rule         string    `ch:"rule"`
	RuleVersion  string    `ch:"rule_version"`
	Family       string    `ch:"family"`
	Status       string    `ch:"status"`
	Reason       string    `ch:"reason"`
	HoldUntil    time.Time `ch:"hold_until"`
	Plate        string    `ch:"plate"`
	Class        string    `ch:"class"`
	Country      string    `ch:"country"`
	PassageID    string    `ch:"passage_id"`
	ReadID       string    `ch:"read_id"`
	Camera       string    `ch:"camera_id"`
	Site         string    `ch:"site"`
	Zone         string    `ch:"zone"`
	Municipality uint32    `ch:"municipality"`
	CapturedAt   time.Time `ch:"captured_at"`
	Day          time.Time `ch:"day"`
	Measured     int32     `ch:"measured_dkmh"`
	Corrected    int32     `ch:"corrected_dkmh"`
	Limit        int32     `ch:"limit_dkmh"`
	Amount       int64     `ch:"amount_cents"`
	LegalBasis   string    `ch:"legal_basis"`
	Verified     bool      `ch:"verified"`
	Trace        string    `ch:"trace"`
	Catalogue    string    `ch:"catalogue_version"`
	Reference    string    `ch:"reference_version"`
	Image        string    `ch:"image_sha256"`
	Seal         string    `ch:"seal_sha256"`
	PrevSeal     string    `ch:"prev_seal_sha256"`
	Sealed       string    `ch:"sealed"`
	Partition    int32     `ch:"kafka_partition"`
	Offset       int64     `ch:"kafka_offset"`
	Seq          uint32    `ch:"seq"`
}

// Columns returns the columns of a Row, in the order of the table.
func Columns() []string {
	t := reflect.TypeFor[Row]()
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = t.Field(i).Tag.Get("ch")
	}
	return out
}

// Decision reads the decision that the row's sealed bytes hold, with the row's seal.
func (r *Row) Decision() (schemas.Decision, error) {
	d, err := ParseSealed([]byte(r.Sealed))
	if err != nil {
		return d, err
	}
	copy(d.Seal[:], r.Seal)
	d.Sealed = []byte(r.Sealed)
	return d, nil
}

// Altered returns the columns of a row that are not what was sealed, in the order of the table; none for a row that is as it was sealed.
// Sealed bytes that no decision has, and a seal that is not theirs, are altered columns like any other: then nothing else can be said.
//
// It looks at the row alone. What no seal has (site, zone, municipality, and the place in the log) is compared with other rows, see
// package seals; whether a row was removed, or one sealed anew, shows in the chain of its camera and on the offence topic.
func (r *Row) Altered() []string {
	d, err := r.Decision()
	if err != nil {
		return []string{"sealed"}
	}
	if Verify(&d, d.PrevSeal) != nil || len(r.Seal) != len(d.Seal) {
		return []string{"seal_sha256", "sealed"}
	}
	var out []string
	for _, c := range []struct {
		column string
		same   bool
	}{
		{"offence_id", sameID(r.OffenceID, d.Offence.ID)},
		{"rule", r.Rule == string(d.Rule)},
		{"rule_version", r.RuleVersion == d.RuleVersion},
		{"family", r.Family == string(d.Family)},
		{"status", r.Status == statusOf(d.Outcome)},
		{"reason", r.Reason == d.Reason},
		{"hold_until", schemas.MicrosOf(r.HoldUntil) == d.HoldUntil},
		{"plate", r.Plate == d.On.Plate.String()},
		{"class", r.Class == d.On.Plate.Class().String()},
		{"country", r.Country == d.On.Country.String()},
		{"passage_id", sameID(r.PassageID, d.Passage.ID)},
		{"read_id", sameID(r.ReadID, d.On.Read.ID)},
		{"camera_id", r.Camera == d.On.Camera},
		{"captured_at", schemas.MicrosOf(r.CapturedAt) == d.On.CapturedAt},
		{"day", r.Day.UTC().Format(time.DateOnly) == d.On.CapturedAt.Day().String()},
		{"measured_dkmh", r.Measured == int32(d.Measured)},
		{"corrected_dkmh", r.Corrected == int32(d.Corrected)},
		{"limit_dkmh", r.Limit == int32(d.Limit)},
		{"amount_cents", r.Amount == d.AmountCents},
		{"legal_basis", r.LegalBasis == d.LegalBasis},
		{"verified", r.Verified == d.Verified},
		{"trace", sameTrace(r.Trace, d.Trace)},
		{"catalogue_version", r.Catalogue == d.CatalogueVersion},
		{"reference_version", r.Reference == d.ReferenceVersion},
		{"image_sha256", sameImage(r.Image, d.On.Image)},
		{"prev_seal_sha256", r.PrevSeal == string(d.PrevSeal[:])},
	} {
		if !c.same {
			out = append(out, c.column)
		}
	}
	return out
}

// Unsealed lists the columns of a Row that no seal has, and that Altered therefore does not look at.
func Unsealed() []string {
	return []string{"site", "zone", "municipality", "kafka_partition", "kafka_offset", "seq"}
}

// statusOf names the status of the row of a decision.
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

func sameID(stored string, id schemas.ID) bool {
	got, err := schemas.ParseID(stored)
	return err == nil && got == id
}

func sameImage(stored string, sum schemas.Sum) bool {
	if sum.IsZero() {
		return stored == ""
	}
	return stored == string(sum[:])
}

// sameTrace compares what the steps say: a trace may have been written with other escapes.
func sameTrace(stored string, steps []schemas.Step) bool {
	want := AppendTrace(nil, steps)
	if stored == string(want) {
		return true
	}
	got, err := ParseTrace([]byte(stored))
	return err == nil && strings.TrimSpace(stored) != "null" && string(AppendTrace(nil, got)) == string(want)
}

// byteColumns says how a column that holds bytes is written in JSON; the others are written as they are.
var byteColumns = map[string]struct {
	encode func([]byte) string
	decode func(string) ([]byte, error)
}{
	"image_sha256": {hex.EncodeToString, hex.DecodeString}, "seal_sha256": {hex.EncodeToString, hex.DecodeString},
	"prev_seal_sha256": {hex.EncodeToString, hex.DecodeString},
	"sealed":           {base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
}

// MarshalJSON writes the columns by name, sums in hexadecimal and the sealed bytes in base64: a copy that can be verified anywhere.
func (r Row) MarshalJSON() ([]byte, error) {
	out := map[string]any{}
	v := reflect.ValueOf(r)
	for i, column := range Columns() {
		out[column] = v.Field(i).Interface()
		if form, ok := byteColumns[column]; ok {
			out[column] = form.encode([]byte(v.Field(i).String()))
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote. A column that is missing or unknown is an error: a row read in part proves nothing.
func (r *Row) UnmarshalJSON(b []byte) error {
	in := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	v := reflect.ValueOf(r).Elem()
	for i, column := range Columns() {
		raw, ok := in[column]
		if !ok {
			return fmt.Errorf("%s is missing", column)
		}
		delete(in, column)
		if err := json.Unmarshal(raw, v.Field(i).Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", column, err)
		}
		if form, ok := byteColumns[column]; ok {
			text, err := form.decode(v.Field(i).String())
			if err != nil {
				return fmt.Errorf("%s: %w", column, err)
			}
			v.Field(i).SetString(string(text))
		}
	}
	for column := range in {
		return fmt.Errorf("%.40q is no column of an offence", column)
	}
	return nil
}
