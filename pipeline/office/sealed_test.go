package office

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// otherValue returns a value different from the row's value in a column.
func otherValue(column string, row map[string]any) any {
	switch column {
	case "offence_id", "passage_id", "read_id":
		return schemas.ID{0xee, 1}.String()
	case "captured_at", "hold_until":
		return now.Add(-30 * time.Minute)
	case "day":
		return now.Add(-10 * day)
	case "measures.name", "measures.device":
		return []string{"other", "other"}
	case "measures.value", "measures.uncertainty":
		return []int64{999, 998}
	case "amount_cents":
		return int64(999999)
	case "verified":
		return row["verified"] != true
	case "image_sha256", "seal_sha256", "prev_seal_sha256":
		return strings.Repeat("\x77", 32)
	case "sealed":
		return row["sealed"].(string) + "x"
	case "status":
		return "held"
	case "country":
		return "FR"
	case "family":
		return "lez"
	case "plate", "class":
		return "9ZZZ999"
	case "trace":
		return "[]"
	}
	return "other"
}

func TestAnAlteredOffenceIsMarkedInListsAndRefusedAlone(t *testing.T) {
	d := newDesk(t, nil)
	whole := map[string]string{}
	n := 0
	fresh := func() map[string]any {
		n++
		row := d.offenceRow(d.readRow("1ABC123", "BRU-1", "5339", hour+time.Duration(n)*time.Second), "speed", "candidate")
		sealRow(t, row)
		return row
	}
	var rows []map[string]any
	for _, column := range evidence.Columns() {
		if slices.Contains(evidence.Unsealed(), column) {
			continue
		}
		row := fresh()
		changed := maps.Clone(row)
		changed[column] = otherValue(column, row)
		whole[changed["offence_id"].(string)] = column
		rows = append(rows, changed)
	}
	good := fresh()
	d.insert("offences", append(rows, good)...)
	a, err := d.as(access.GVCAgent).Offences(t.Context(), OffencesQuery{Justification: traffic(), Paging: Paging{Limit: 1000}})
	if err != nil || len(a.Offences) != len(rows)+1 || a.Altered != len(rows) {
		t.Fatalf("got %d offences, %d altered, err %v, want %d and %d", len(a.Offences), a.Altered, err, len(rows)+1, len(rows))
	}
	for _, o := range a.Offences {
		column := whole[o.OffenceID.String()]
		if o.OffenceID.String() == good["offence_id"] {
			if len(o.Altered) != 0 {
				t.Errorf("an offence as it was sealed is marked: %v", o.Altered)
			}
			continue
		}
		if !slices.Contains(o.Altered, column) {
			t.Errorf("%s altered: marked %v", column, o.Altered)
		}
		for _, role := range []access.Role{access.GVCAgent, access.Jurist} {
			ask := traffic()
			if role == access.Jurist {
				ask = Justification{}
			}
			if _, err := d.as(role).Offence(t.Context(), ask, o.OffenceID.String(), false, ""); status(err) != 409 && role == access.GVCAgent {
				t.Errorf("%s altered, asked by %s: got %v, want 409", column, role, err)
			}
		}
	}
	if _, err := d.as(access.GVCAgent).Offence(t.Context(), traffic(), good["offence_id"].(string), false, ""); err != nil {
		t.Errorf("an offence as it was sealed: %v", err)
	}
	if !strings.Contains(d.output.String(), "NOT AS IT WAS SEALED") || strings.Contains(d.output.String(), "1ABC123") {
		t.Error("the log must tell of it, without a plate")
	}
	forged := maps.Clone(good)
	forged["amount_cents"] = int64(1)
	d.exec("SYSTEM STOP MERGES offences")
	d.insert("offences", forged)
	if _, err := d.as(access.GVCAgent).Offence(t.Context(), traffic(), good["offence_id"].(string), false, ""); status(err) != 409 {
		t.Errorf("a second row of an offence: got %v, want 409", err)
	}
}
