package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// Audit is what must add up, each counted by itself in one snapshot: Cases = Offences + Attempts = the sum of ByState,
// and Versions = Events.
type Audit struct {
	Cases    int64
	Offences int64 // distinct
	Attempts int64 // rows beyond the first attempt
	ByState  map[cases.State]int64
	Versions int64 // sum of the versions of the cases
	Events   int64 // rows of case_events
	Outbox   int64
}

// Audit counts for the account of cases. It reads all keys of cases and events: minutes apart is often enough.
func (s *Store) Audit(ctx context.Context) (a Audit, err error) {
	a.ByState = make(map[cases.State]int64)
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT count(*), count(DISTINCT offence_id), count(*) FILTER (WHERE attempt > 1), coalesce(sum(version), 0)::bigint,
			(SELECT count(*) FROM case_events), (SELECT count(*) FROM outbox) FROM cases`).Scan(&a.Cases, &a.Offences, &a.Attempts, &a.Versions, &a.Events, &a.Outbox)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT state, count(*) FROM cases GROUP BY state")
		if err != nil {
			return err
		}
		var state string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error {
			a.ByState[cases.State(state)] = n
			return nil
		})
		return err
	})
	return a, safeError("audit cases", err)
}

// Unbalanced returns the number by which the cases do not add up; 0 = they do.
func (a *Audit) Unbalanced() int64 {
	var states int64
	for _, s := range cases.States() { // a row in a state that nobody knows is left over
		states += a.ByState[s]
	}
	return distance(a.Cases, a.Offences+a.Attempts) + distance(a.Cases, states) + distance(a.Versions, a.Events)
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
