package office

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
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

// Whatever column of an offence's row is changed, the dossier of its case is refused and names it. A row under another id
// or instant is no row of the offence.
func TestEveryAlteredColumnIsNamedInThePlaceOfTheCase(t *testing.T) {
	d := newCaseDesk(t, nil)
	for _, column := range evidence.Columns() {
		if slices.Contains(evidence.Unsealed(), column) || column == "offence_id" || column == "captured_at" {
			continue
		}
		m := d.takeIn("1ABC123", "5339", func(in *cases.Intake) {})
		changed := maps.Clone(m.row)
		changed[column] = otherValue(column, m.row)
		d.insert("offences", changed)
		var id string
		if err := d.people.QueryRow(t.Context(), "SELECT case_id::text FROM cases WHERE offence_id = $1", m.row["offence_id"]).Scan(&id); err != nil {
			t.Fatal(err)
		}
		status, body := d.sendAs("su", rawRequest{"GET", "/v1/cases/" + id, ""}, nil)
		if status != http.StatusConflict || codeIn(body) != "seal_broken" || !strings.Contains(body, `"`+column+`"`) {
			t.Errorf("%s altered: %d %s", column, status, body)
		}
	}
	if !strings.Contains(d.output.String(), "NOT AS IT WAS SEALED") || strings.Contains(d.output.String(), "1ABC123") {
		t.Error("the log must tell of it, without a plate")
	}
}
