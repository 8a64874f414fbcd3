package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Step names a part of the way of a case.
type Step string

// The steps, in order.
const (
	StepOpened      Step = "opened"      // from the capture until people could decide it first
	StepDecided     Step = "decided"     // from then until its first verdict
	StepTransmitted Step = "transmitted" // from its last verdict until its first transmission
)

// StepTime says how long a step took, in a police zone.
type StepTime struct {
	Zone   string
	Step   Step
	Cases  int64
	Median schemas.Micros // half of the cases took at most this
	P90    schemas.Micros // nine of ten did
}

// stepTimes is one pass over the first verdicts and the first transmissions of a window. A case can be decided once it is in one
// of the states in which people do.
const stepTimes = `WITH done AS (
		SELECT e.case_id, e.kind, min(e.recorded_at) AS at FROM case_events e WHERE e.recorded_at >= $1 AND e.recorded_at < $2 AND e.kind IN ('decided', 'transmitted') GROUP BY 1, 2
	), first AS (
		SELECT d.case_id, d.kind, d.at FROM done d WHERE NOT EXISTS (SELECT FROM case_events b WHERE b.case_id = d.case_id AND b.kind = d.kind AND b.recorded_at < $1)
	), opened AS (
		SELECT f.case_id, f.at AS decided_at, (SELECT min(e.recorded_at) FROM case_events e WHERE e.case_id = f.case_id AND e.recorded_at <= f.at
			AND e.kind IN ('taken_in', 're_decided', 'hold_ended', 'keyed', 'arbitrated') AND convert_from(e.body, 'UTF8')::jsonb ->> 'to' = 'open') AS at FROM first f WHERE f.kind = 'decided'
	), spans AS (
		SELECT c.zone, c.regime, x.step, extract(epoch FROM x.took) AS s FROM opened o JOIN cases c USING (case_id)
			CROSS JOIN LATERAL (VALUES ('opened', o.at - c.captured_at), ('decided', o.decided_at - o.at)) AS x (step, took) WHERE o.at IS NOT NULL
		UNION ALL
		SELECT c.zone, c.regime, 'transmitted', extract(epoch FROM f.at - v.at) FROM first f JOIN cases c USING (case_id) CROSS JOIN LATERAL (
			SELECT max(e.recorded_at) AS at FROM case_events e WHERE e.case_id = f.case_id AND e.recorded_at <= f.at AND e.kind IN ('decided', 'second_decided', 'counter_decided', 'arbitrated')) v
			WHERE f.kind = 'transmitted' AND v.at IS NOT NULL
	)
	SELECT zone, step, count(*), (percentile_disc(0.5) WITHIN GROUP (ORDER BY s) * 1000000)::bigint, (percentile_disc(0.9) WITHIN GROUP (ORDER BY s) * 1000000)::bigint FROM spans`

// StepTimes returns how long the steps took that ended in [from, to), by zone and step, in the zones and regimes; empty =
// all. A step that no case ended is absent.
func (s *Store) StepTimes(ctx context.Context, zones []string, regimes []cases.Regime, from, to schemas.Micros) ([]StepTime, error) {
	w := &where{args: []any{from.Time(), to.Time()}}
	w.bound(zones, regimes)
	rows, err := s.pool.Query(ctx, stepTimes+w.sql()+" GROUP BY zone, step ORDER BY 1, array_position(ARRAY['opened', 'decided', 'transmitted'], step)", w.args...)
	if err != nil {
		return nil, safeError("time the steps of cases", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t StepTime, err error) {
		err = row.Scan(&t.Zone, &t.Step, &t.Cases, &t.Median, &t.P90)
		return t, err
	})
	return out, safeError("time the steps of cases", err)
}
