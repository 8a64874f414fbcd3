package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// InboxPart is a part of what waits for a supervisor.
type InboxPart string

// All parts of an inbox.
const (
	InboxArbitration    InboxPart = "arbitration"
	InboxReturned       InboxPart = "returned"
	InboxIncidents      InboxPart = "incidents"       // cases with an open incident
	InboxNotTransmitted InboxPart = "not_transmitted" // confirmed, and why not handed over
)

// InboxParts lists all parts.
func InboxParts() []InboxPart {
	return []InboxPart{InboxArbitration, InboxReturned, InboxIncidents, InboxNotTransmitted}
}

// Inbox is one part: the number of its cases by reason, and the first of them, without a plate.
type Inbox struct {
	N       int64
	Reasons []ReasonCount
	Rows    []InboxRow
}

// ReasonCount is a number of cases for a reason.
type ReasonCount struct {
	Reason string
	N      int64
}

// InboxRow is a case of an inbox.
type InboxRow struct {
	Case   cases.ID
	Zone   string
	Family schemas.Family
	Reason string
	Blocks []string       // of blocked: what the export check misses
	DueAt  schemas.Micros // 0 = no clock runs
	Since  schemas.Micros // when the case came to this state or got its last event
}

// inboxSelect says for each part which cases it has, and the reason of each. {unsent} stands for the instant before which a case that could
// go is overdue, in microseconds.
var inboxSelect = map[InboxPart]struct{ cond, reason string }{
	InboxArbitration: {"state = 'arbitration'", `CASE WHEN incidents > 0 THEN 'incident_open' WHEN present ? 'undecided' THEN 'hold_not_ended' WHEN second_user IS NOT NULL THEN 'verdicts_differ'
		WHEN jsonb_array_length(coalesce(nullif(present->'keyers', 'null'), '[]')) > 1 THEN 'keyings_differ' ELSE 'flagged_or_late' END`},
	InboxReturned:  {"state = 'returned'", "coalesce(nullif(present->>'end_reason', ''), 'returned')"},
	InboxIncidents: {"incidents > 0", "coalesce((SELECT i.kind FROM incidents i WHERE i.case_id = cases.case_id AND i.closed_at IS NULL ORDER BY i.n LIMIT 1), 'incident')"},
	InboxNotTransmitted: {"state = 'confirmed'", `CASE WHEN incidents > 0 THEN 'incident_open' WHEN jsonb_array_length(coalesce(nullif(present->'blocks', 'null'), '[]')) > 0 THEN 'blocked'
		WHEN EXISTS (SELECT FROM transmission_obstacles o WHERE o.case_id = cases.case_id) THEN (SELECT o.reasons[1] FROM transmission_obstacles o WHERE o.case_id = cases.case_id)
		WHEN present->'file' IS NULL THEN 'file_not_read' WHEN number = '' THEN 'no_number'
		WHEN ` + readySince + ` < to_timestamp({unsent} / 1e6) THEN 'batch_overdue' ELSE 'awaits_batch' END`},
}

// readInbox counts each part by reason and reads its first rows, by due time.
func readInbox(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	for _, part := range InboxParts() {
		in, err := readInboxPart(ctx, tx, part, t.Now, q)
		if err != nil {
			return err
		}
		t.Inbox[part] = in
	}
	return nil
}

func readInboxPart(ctx context.Context, tx pgx.Tx, part InboxPart, now schemas.Micros, q *TeamQuery) (in Inbox, err error) {
	what, w := inboxSelect[part], &where{}
	what.reason = strings.ReplaceAll(what.reason, "{unsent}", strconv.FormatInt(int64(now-UnsentTime), 10))
	w.bound(q.Zones, q.Regimes)
	w.conds = append(w.conds, what.cond)
	count := "SELECT " + what.reason + " AS reason, count(*) FROM cases" + w.sql() + " GROUP BY 1 ORDER BY 1"
	if part == InboxNotTransmitted {
		count = unsentReasons(now, q)
	}
	rows, err := tx.Query(ctx, count, w.args...)
	if err != nil {
		return in, err
	}
	if in.Reasons, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ReasonCount]); err != nil {
		return in, err
	}
	for _, r := range in.Reasons {
		in.N += r.N
	}
	if rows, err = tx.Query(ctx, "SELECT case_id, zone, family, "+what.reason+", present->'blocks', due_at, (present->>'changed_at')::bigint FROM cases"+w.sql()+
		fmt.Sprintf(" ORDER BY due_at, taken_in_at, case_id LIMIT %d", q.Rows), w.args...); err != nil {
		return in, err
	}
	in.Rows, err = pgx.CollectRows(rows, scanInboxRow)
	return in, err
}

// unsentReasons counts confirmed cases by why they are not handed over, as the reason of [InboxNotTransmitted] says. It reads what each
// change keeps of them, and neither the cases nor their events.
func unsentReasons(now schemas.Micros, q *TeamQuery) string {
	w := &where{}
	w.bound(q.Zones, q.Regimes)
	return fmt.Sprintf(`SELECT CASE WHEN why IN ('incident_open', 'blocked') THEN why WHEN o.case_id IS NOT NULL THEN o.reasons[1] WHEN why IN ('file_not_read', 'no_number') THEN why
		WHEN ready_at < to_timestamp(%d / 1e6) THEN 'batch_overdue' ELSE 'awaits_batch' END AS reason, count(*)
		FROM unsent_cases LEFT JOIN transmission_obstacles o USING (case_id)%s GROUP BY 1 ORDER BY 1`, int64(now-UnsentTime), w.sql())
}

func scanInboxRow(row pgx.CollectableRow) (r InboxRow, err error) {
	var family string
	var blocks []byte
	var due time.Time
	var changed *int64
	if err = row.Scan(&r.Case, &r.Zone, &family, &r.Reason, &blocks, &due, &changed); err != nil {
		return r, err
	}
	r.Family = schemas.Family(family)
	if at := schemas.MicrosOf(due); at < farFuture {
		r.DueAt = at
	}
	if changed != nil {
		r.Since = schemas.Micros(*changed)
	}
	if len(blocks) > 0 {
		err = json.Unmarshal(blocks, &r.Blocks)
	}
	return r, err
}

// IntakeHour is what the last comparison of cases with the table of offences found in an hour of capture.
type IntakeHour struct {
	Hour       schemas.Micros
	Offences   int64 // distinct ones of the table
	Cases      int64 // of attempt 1
	Missing    int64 // offences that are still no case
	Unseen     int64 // cases that the table lacks
	ComparedAt schemas.Micros
}

// NoteIntakeHours replaces what is known of the hours of capture in [from, to), and forgets what is older than keep.
func (s *Store) NoteIntakeHours(ctx context.Context, from, to schemas.Micros, hours []IntakeHour, keep time.Duration) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Two offices compare at the same time: the second one waits.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('hours of the intake', 0))"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM intake_hours WHERE hour >= $1 AND hour < $2 OR hour < $3", from.Time(), to.Time(), to.Time().Add(-keep))
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for _, h := range hours {
			batch.Queue("INSERT INTO intake_hours (hour, offences, cases, missing, unseen, compared_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())", h.Hour.Time(), h.Offences, h.Cases, h.Missing, h.Unseen)
		}
		if batch.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return safeError("note the hours of the intake", err)
}

// readIntake reads the hours of the last comparison. They are of the whole region: the table knows no zone of a case.
func readIntake(ctx context.Context, tx pgx.Tx, t *Team, _ *TeamQuery) error {
	rows, err := tx.Query(ctx, "SELECT hour, offences, cases, missing, unseen, compared_at FROM intake_hours ORDER BY hour")
	if err != nil {
		return err
	}
	t.Intake, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h IntakeHour, err error) {
		var hour, at time.Time
		err = row.Scan(&hour, &h.Offences, &h.Cases, &h.Missing, &h.Unseen, &at)
		h.Hour, h.ComparedAt = schemas.MicrosOf(hour), schemas.MicrosOf(at)
		return h, err
	})
	return err
}
