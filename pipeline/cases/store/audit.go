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
	Kept     int64 // by how much the kept counts of work and the list of unsent cases differ from the cases; 0 = not
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
		if err = tx.QueryRow(ctx, keptDiffers).Scan(&a.Kept); err != nil {
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
	return distance(a.Cases, a.Offences+a.Attempts) + distance(a.Cases, states) + distance(a.Versions, a.Events) + a.Kept
}

// keptDiffers holds the kept counts of work, and the list of unsent cases, against the cases.
const keptDiffers = `SELECT (coalesce((SELECT sum(abs(coalesce(r.n, 0) - coalesce(k.n, 0))) FROM work_now r
		FULL JOIN (SELECT kind, zone, regime, day, sum(n) AS n FROM case_work GROUP BY 1, 2, 3, 4) k USING (kind, zone, regime, day)), 0)
	+ (SELECT count(*) FROM ((TABLE unsent_now EXCEPT TABLE unsent_cases) UNION ALL (TABLE unsent_cases EXCEPT TABLE unsent_now)) x))::bigint`

func distance(a, b int64) int64 { return max(a-b, b-a) }

// auditBuckets is the number of buckets of the counts: one for each first byte of an id.
const auditBuckets = 256

// AuditPass is where the audit of the counts stands, for all offices together.
type AuditPass struct {
	Bucket          int   // the next
	Unbalanced      int64 // of this pass: by how much counts, cases, attempts and events do not add up
	Passes          int64 // whole ones
	WholeUnbalanced int64 // of the last whole pass
}

// AuditNext holds the counts of the next buckets against their cases and events, each bucket in one snapshot. Nothing reads all
// cases at once: a call reads the share n / 256; the last bucket of a pass also reads the index of undecided cases, for the counts of work. The place is kept in the database, for all offices and over restarts.
func (s *Store) AuditNext(ctx context.Context, n int) (p AuditPass, err error) {
	for range n {
		err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			var bucket int
			err := tx.QueryRow(ctx, "SELECT bucket FROM case_audit FOR UPDATE SKIP LOCKED").Scan(&bucket)
			if err != nil {
				return ignoreNoRows(err) // another office audits
			}
			found, err := auditBucket(ctx, tx, bucket)
			if err != nil {
				return err
			}
			if bucket < auditBuckets-1 {
				_, err = tx.Exec(ctx, "UPDATE case_audit SET bucket = bucket + 1, unbalanced = unbalanced + $1", found)
				return err
			}
			var kept int64
			if err = tx.QueryRow(ctx, keptDiffers).Scan(&kept); err != nil {
				return err
			}
			found += kept
			_, err = tx.Exec(ctx, "UPDATE case_audit SET bucket = 0, passes = passes + 1, whole_unbalanced = unbalanced + $1, unbalanced = 0, whole_ended_at = clock_timestamp()", found)
			return err
		})
		if err != nil {
			return p, safeError("audit cases", err)
		}
	}
	err = s.pool.QueryRow(ctx, "SELECT bucket, unbalanced, passes, whole_unbalanced FROM case_audit").Scan(&p.Bucket, &p.Unbalanced, &p.Passes, &p.WholeUnbalanced)
	return p, safeError("audit cases", err)
}

// auditBucket returns by how much a bucket does not add up: counted cases and versions against cases, versions against
// events, and next attempts against the attempts before.
func auditBucket(ctx context.Context, tx pgx.Tx, bucket int) (n int64, err error) {
	from := [16]byte{byte(bucket)}
	to := from
	for i := 1; i < len(to); i++ {
		to[i] = 0xff
	}
	err = tx.QueryRow(ctx, `WITH real AS (SELECT state, CASE WHEN state = 'held' THEN hold_reason ELSE '' END AS reason, count(*) AS n, count(*) FILTER (WHERE attempt = 1) AS first,
			sum(version) AS versions FROM cases WHERE case_id BETWEEN $1 AND $2 GROUP BY 1, 2),
		counted AS (SELECT state, hold_reason AS reason, sum(n) AS n, sum(first) AS first, sum(versions) AS versions FROM case_counts WHERE bucket = $3 GROUP BY 1, 2)
		SELECT (coalesce((SELECT sum(abs(coalesce(r.n, 0) - coalesce(c.n, 0)) + abs(coalesce(r.first, 0) - coalesce(c.first, 0)) + abs(coalesce(r.versions, 0) - coalesce(c.versions, 0)))
				FROM real r FULL JOIN counted c USING (state, reason)), 0)
			+ abs((SELECT coalesce(sum(versions), 0) FROM real) - (SELECT count(*) FROM case_events WHERE case_id BETWEEN $1 AND $2))
			+ (SELECT count(*) FROM cases c WHERE case_id BETWEEN $1 AND $2 AND attempt > 1
				AND NOT EXISTS (SELECT FROM cases b WHERE b.offence_id = c.offence_id AND b.attempt = c.attempt - 1)))::bigint`, from, to, bucket).Scan(&n)
	return n, err
}

// manyCounts is the number of rows of the counts from which they are added up.
const manyCounts = 10_000

// AddCounts adds the counts of cases up when they have become many. Any office may call it, each minute.
func (s *Store) AddCounts(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "SELECT add_case_counts($1), sum_case_work($1)", manyCounts)
	return safeError("add counts of cases up", err)
}
