package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Dossier is all that the database knows about a case.
type Dossier struct {
	Case    cases.Case // as of now: a verdict that took effect counts
	Sealed  []byte
	Events  []cases.Event
	Bodies  [][]byte       // the stored bytes of each event, over which its sum was taken
	Lease   *cases.Lease   // nil = nobody has the case
	Shown   *cases.Clocks  // with which the case was shown again to who answered it as a known answer; nil = nobody did
	Now     schemas.Micros // the database's clock
	Problem string         // why the stored events or the row do not hold; "" = they hold
}

// Get returns a case with its events. An unknown id is a refusal of [cases.CodeNotFound]. Damage of the events is no
// error: Problem names it.
func (s *Store) Get(ctx context.Context, id cases.ID) (*Dossier, error) {
	d := &Dossier{}
	err := pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		r, found, err := s.readDossier(ctx, tx, id, d)
		if err != nil {
			return err
		}
		d.Events, d.Bodies, d.Problem = found.events, found.bodies, compareCase(&r.Case, r.shape, found)
		d.Case = r.Case
		d.Case.Settle(d.Now)
		if r.lease != nil && r.lease.Until > d.Now {
			d.Lease = r.lease
		}
		if d.Case.ProbeBy != "" {
			d.Shown, err = clocksShown(ctx, tx, id, d.Case.ProbeBy)
		}
		return err
	})
	if err != nil {
		return nil, safeError("read a case", err)
	}
	return d, nil
}

// readDossier reads clock, row, sealed bytes and events of a case in one round trip: a desk asks for a case at each item,
// picture and verdict.
func (s *Store) readDossier(ctx context.Context, tx pgx.Tx, id cases.ID, d *Dossier) (r *caseRow, found *storedEvents, err error) {
	b := &pgx.Batch{}
	var now time.Time
	b.Queue(clock, s.shift()).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	b.Queue("SELECT "+rowColumns+" FROM cases WHERE case_id = $1", uuidOf(id.ID)).QueryRow(func(row pgx.Row) error {
		if r, err = scanRow(row); errors.Is(err, pgx.ErrNoRows) {
			err = &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such case"}
		}
		return err
	})
	b.Queue("SELECT sealed FROM cases WHERE case_id = $1", uuidOf(id.ID)).QueryRow(func(row pgx.Row) error { return row.Scan(&d.Sealed) })
	b.Queue(eventsOfCases, [][16]byte{id.ID}).Query(func(rows pgx.Rows) error {
		byCase, err := collectEvents(rows, [][16]byte{id.ID})
		found = byCase[id]
		return err
	})
	err = tx.SendBatch(ctx, b).Close()
	d.Now = schemas.MicrosOf(now)
	return r, found, err
}

// storedEvents are the events of a case as they were found.
type storedEvents struct {
	events  []cases.Event
	bodies  [][]byte
	problem string // of the first event that does not hold
}

const eventsOfCases = "SELECT case_id, kind, user_name, approver, recorded_at, body, prev_sha256, sha256 FROM case_events WHERE case_id = ANY ($1) ORDER BY case_id, n"

// readEvents returns the events of cases, in order.
func readEvents(ctx context.Context, tx pgx.Tx, ids [][16]byte) (map[cases.ID]*storedEvents, error) {
	rows, err := tx.Query(ctx, eventsOfCases, ids)
	if err != nil {
		return nil, err
	}
	return collectEvents(rows, ids)
}

// collectEvents reads the rows of [eventsOfCases].
func collectEvents(rows pgx.Rows, ids [][16]byte) (map[cases.ID]*storedEvents, error) {
	out := make(map[cases.ID]*storedEvents, len(ids))
	for _, id := range ids {
		out[cases.ID{ID: id}] = &storedEvents{}
	}
	var id cases.ID
	var kind, user, approver string
	var at time.Time
	var body, prev, sum []byte
	_, err := pgx.ForEachRow(rows, []any{&id, &kind, &user, &approver, &at, &body, &prev, &sum}, func() error {
		list := out[id]
		e, err := cases.ParseEvent(schemas.Digest(prev), schemas.Digest(sum), body)
		switch {
		case err != nil && list.problem == "":
			list.problem = err.Error()
		case err == nil && list.problem == "" && (string(e.Kind) != kind || e.User != user || e.Approver != approver || e.RecordedAt != schemas.MicrosOf(at)):
			list.problem = "the columns of an event differ from its body"
		}
		list.events, list.bodies = append(list.events, e), append(list.bodies, bytes.Clone(body))
		return nil
	})
	return out, err
}

// compareCase folds the events and returns how the row differs; "" = it follows from them. A row of an older shape has
// only the fields of that shape to follow.
func compareCase(c *cases.Case, shape int, found *storedEvents) string {
	if found.problem != "" {
		return found.problem
	}
	folded, err := cases.Fold(found.events)
	if err != nil {
		return err.Error()
	}
	const always = schemas.Micros(1<<63 - 1) // the row may have settled or not
	row := *c
	row.Settle(always)
	folded.Settle(always)
	a, errA := json.Marshal(cases.ShapeOf(row, shape))
	b, errB := json.Marshal(cases.ShapeOf(folded, shape))
	switch {
	case errors.Join(errA, errB) != nil:
		return errors.Join(errA, errB).Error()
	case string(a) != string(b):
		return "the row differs from what its events give"
	}
	return ""
}
