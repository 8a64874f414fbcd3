package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// farFuture stands for a clock that does not run, because pgx reads no infinity into a time.
const farFuture = schemas.Micros(253_370_764_800) * schemas.Second // 9999-01-01

// timeOrNull returns the instant for a column that may be NULL.
func timeOrNull(t schemas.Micros) *time.Time {
	if t == 0 {
		return nil
	}
	u := t.Time()
	return &u
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// notNil returns an empty list for nil, which PostgreSQL would take for NULL.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// dueAt returns the sort key of a case.
func dueAt(c *cases.Case) time.Time {
	if c.DecideBy == 0 {
		return farFuture.Time()
	}
	return c.DecideBy.Time()
}

// uuidOf returns an id in the form of a UUID column.
func uuidOf(id schemas.ID) [16]byte { return id }

// recorder collects the statements of a change.
type recorder struct {
	batch pgx.Batch
	ends  bool // the transaction ends with the statements
}

// record numbers and chains the event, applies it to the case, and queues its rows.
func (w *recorder) record(c *cases.Case, e *cases.Event) error {
	e.ID, e.N, e.Prev = newEventID(e.RecordedAt), c.Version+1, c.Head
	body, err := e.Body()
	if err != nil {
		return err
	}
	e.Sum = cases.SumOf(e.Prev, body)
	w.queuePictures(e.Case, e.Found)
	was, vehicle := c.IsInFile(), c.Vehicle()
	c.Apply(e)
	if was && e.Kind != cases.FileRead && (!c.IsInFile() || c.Vehicle() != vehicle) {
		w.queueVisit(vehicle, e.RecordedAt)
	}
	w.batch.Queue(`INSERT INTO case_events (case_id, n, event_id, kind, recorded_at, user_name, approver, body, prev_sha256, sha256)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, uuidOf(e.Case.ID), e.N, uuidOf(e.ID.ID), string(e.Kind), e.RecordedAt.Time(), e.User, e.Approver, body, []byte(e.Prev), []byte(e.Sum))
	if _, err := w.queueReview(c, e); err != nil {
		return err
	}
	switch e.Kind {
	case cases.IncidentOpened:
		w.batch.Queue("INSERT INTO incidents (case_id, n, kind, text, opened_at) VALUES ($1, $2, $3, $4, $5)", uuidOf(e.Case.ID), e.N, string(e.Incident), e.Text, e.RecordedAt.Time())
	case cases.IncidentClosed:
		w.batch.Queue("UPDATE incidents SET closed_at = $3 WHERE case_id = $1 AND n = $2", uuidOf(e.Case.ID), e.Closes, e.RecordedAt.Time())
	case cases.AnnulledEvent:
		w.queueNotice(c, e)
	case cases.SentBack:
		w.batch.Queue("UPDATE transmitted_cases SET outcome = 'returned', reason = $3, answered_at = $4 WHERE case_id = $1 AND batch_id::text = $2", uuidOf(c.ID.ID), c.Batch, e.Reason, e.RecordedAt.Time())
	default:
	}
	return nil
}

// queueReview queues an event for the outbox, unless it waits there. c is the case after the event.
func (w *recorder) queueReview(c *cases.Case, e *cases.Event) (*pgx.QueuedQuery, error) {
	review, err := json.Marshal(cases.NewReview(c, e))
	if err != nil {
		return nil, err
	}
	return w.batch.Queue("INSERT INTO outbox (event_id, recorded_at, body) VALUES ($1, $2, $3) ON CONFLICT (event_id) DO NOTHING", uuidOf(e.ID.ID), e.RecordedAt.Time(), review), nil
}

// updateRow queues the present state of the case.
func (w *recorder) updateRow(c *cases.Case) error {
	present, err := json.Marshal(c)
	if err != nil {
		return err
	}
	w.batch.Queue(`UPDATE cases SET version = $2, head_sha256 = $3, present = $4, state = $5, settles_to = $6, effective_at = $7, due_at = $8, corrected = $9, hold_reason = $10,
			hold_until = $11, held_since = $12, amount_cents = $13, marks = $14, number = $15, incidents = $16, first_user = $17, second_user = $18, barred = $19,
			assigned_to = $20, assigned_until = $21, sweep_at = $22, look_at = $23, revive_at = $24, file_at = $25, pictures_at = $26, shape = $27, claimed = $28 WHERE case_id = $1`, append([]any{uuidOf(c.ID.ID)}, stateColumns(c, present)...)...)
	return nil
}

// insertRow queues a new case. The row is there only when no row has its offence and attempt; n is then 1.
func (w *recorder) insertRow(c *cases.Case, sealed []byte, n *int64) error {
	present, err := json.Marshal(c)
	if err != nil {
		return err
	}
	args := append([]any{uuidOf(c.ID.ID)}, stateColumns(c, present)...)
	args = append(args, uuidOf(c.Offence.ID), c.Attempt, string(c.Regime), string(c.Family), c.Zone, int64(c.Municipality), c.Site, c.Camera, c.Plate, notNil(sealed), c.CapturedAt.Time(),
		c.TakenInAt.Time(), c.Catalogue, c.Reference)
	w.batch.Queue(`INSERT INTO cases (case_id, version, head_sha256, present, state, settles_to, effective_at, due_at, corrected, hold_reason, hold_until, held_since, amount_cents,
			marks, number, incidents, first_user, second_user, barred, assigned_to, assigned_until, sweep_at, look_at, revive_at, file_at, pictures_at, shape, claimed,
			offence_id, attempt, regime, family, zone, municipality, site, camera, plate, sealed, captured_at, taken_in_at, looked_versions)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
			$27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40,
			(SELECT coalesce(max(ordinal), 0) FROM case_versions WHERE catalogue = $41 AND reference = $42))
		ON CONFLICT ON CONSTRAINT one_case_an_attempt DO NOTHING RETURNING 1`, args...).QueryRow(func(row pgx.Row) error { return ignoreNoRows(row.Scan(n)) })
	return nil
}

// stateColumns returns the values of the columns that follow from the state.
func stateColumns(c *cases.Case, present []byte) []any {
	corrected, claimed := "", ""
	if c.Corrected != nil {
		corrected = c.Corrected.Plate
	}
	if claim := c.Claim(); claim != nil {
		claimed = claim.Plate
	}
	return []any{
		c.Version, []byte(c.Head), present, string(c.State), textOrNull(string(c.SettlesTo)), timeOrNull(c.EffectiveAt), dueAt(c), corrected, c.HoldReason,
		timeOrNull(c.HoldUntil), timeOrNull(c.HeldSince), c.AmountCents, notNil(c.Marks), c.Number, len(c.Incidents), textOrNull(c.FirstUser), textOrNull(c.SecondUser),
		notNil(c.Barred()), textOrNull(c.AssignedTo), timeOrNull(c.AssignedUntil), timeOrNull(c.SweepAt()), timeOrNull(c.LookAt()), timeOrNull(c.ReviveAt()), timeOrNull(c.FileAt()), timeOrNull(c.PicturesAt()), cases.Shape, claimed,
	}
}

// send runs the queued statements.
func (w *recorder) send(ctx context.Context, tx session) error {
	if w.ends {
		w.batch.Queue(commit)
	}
	if w.batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &w.batch).Close()
}
