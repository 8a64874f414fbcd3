package office

import (
	"context"
	"net/http"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// markAltered compares every stored row of the offences with the sealed bytes. Each altered offence lists the differing
// columns; the result counts the altered offences. Two different rows for one offence are an alteration too.
func (o *Office) markAltered(ctx context.Context, p access.Permit, shown []query.Offence) (int, error) {
	if len(shown) == 0 {
		return 0, nil
	}
	ids := make([]string, len(shown))
	from, to := shown[0].CapturedAt, shown[0].CapturedAt
	for i := range shown {
		ids[i] = shown[i].OffenceID.String()
		if shown[i].CapturedAt.Before(from) {
			from = shown[i].CapturedAt
		}
		if shown[i].CapturedAt.After(to) {
			to = shown[i].CapturedAt
		}
	}
	st, err := query.Sealed(p, ids, from, to)
	if err != nil {
		return 0, err
	}
	var rows []evidence.Row
	if err := o.selectRows(ctx, &rows, st); err != nil {
		return 0, err
	}
	altered, met := map[schemas.OffenceID][]string{}, map[schemas.OffenceID]evidence.Row{}
	for i := range rows {
		id := rows[i].OffenceID
		columns := rows[i].Altered()
		if first, again := met[id]; again && !first.IsSame(&rows[i]) {
			columns = append(columns, "offence_id")
		}
		met[id] = rows[i]
		altered[id] = append(altered[id], columns...)
	}
	n := 0
	for i := range shown {
		s := &shown[i]
		columns := altered[s.OffenceID]
		if _, ok := met[s.OffenceID]; !ok {
			columns = []string{"offence_id"} // the row was there a moment ago
		}
		if len(columns) == 0 {
			continue
		}
		slices.Sort(columns)
		s.Altered = slices.Compact(columns)
		n++
		o.cfg.Metrics.Altered.Inc()
		o.cfg.Logger.Error().Stringer("offence_id", s.OffenceID).Strs("columns", s.Altered).Uint64("access_log", p.Seq()).
			Msg("AN OFFENCE IS NOT AS IT WAS SEALED; anpr reconcile seals says how many are not")
	}
	return n, nil
}

// alteredProblem answers in place of an offence that differs from the sealed decision.
func alteredProblem(columns []string) error {
	faults := make([]Fault, len(columns))
	for i, c := range columns {
		faults[i] = Fault{Field: c, Code: codeSealBroken, Message: "is not what was sealed"}
	}
	return newProblem(http.StatusConflict, codeSealBroken, "this offence was changed after it was decided and sealed: do not use it; the operator has been alarmed", faults...)
}
