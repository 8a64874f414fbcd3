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
	var r *caseRow
	var found *storedEvents
	err := s.useConnection(ctx, func(conn session) (err error) {
		r, found, err = s.readDossier(ctx, conn, id, d)
		return err
	})
	if err != nil {
		return nil, safeError("read a case", err)
	}
	d.Events, d.Bodies, d.Problem = found.events, found.bodies, compareCase(&r.Case, r.shape, found)
	d.Case = r.Case
	d.Case.Settle(d.Now)
	if r.lease != nil && r.lease.Until > d.Now {
		d.Lease = r.lease
	}
	if d.Case.ProbeBy == "" {
		d.Shown = nil
	}
	return d, nil
}

// readDossier reads clock, row, sealed bytes, events and shown clocks of a case, as of one moment and in one round trip: a desk asks for a
// case at each item, picture and verdict.
func (s *Store) readDossier(ctx context.Context, conn session, id cases.ID, d *Dossier) (r *caseRow, found *storedEvents, err error) {
	b := &pgx.Batch{}
	b.Queue(beginReadOnly)
	b.Queue(clock, s.shift()).QueryRow(func(row pgx.Row) error { return scanMicros(row, &d.Now) })
	b.Queue("SELECT "+rowColumns+" FROM cases WHERE case_id = $1", uuidOf(id.ID)).QueryRow(func(row pgx.Row) (err error) {
		r, err = scanRow(row)
		return asNotFound(err)
	})
	b.Queue("SELECT sealed FROM cases WHERE case_id = $1", uuidOf(id.ID)).QueryRow(func(row pgx.Row) error { return row.Scan(&d.Sealed) })
	b.Queue(eventsOfCases, [][16]byte{id.ID}).Query(func(rows pgx.Rows) error {
		byCase, err := collectEvents(rows, [][16]byte{id.ID})
		found = byCase[id]
		return err
	})
	b.Queue(clocksOfProbe, uuidOf(id.ID)).QueryRow(func(row pgx.Row) error { return ignoreNoRows(row.Scan(&d.Shown)) })
	b.Queue(commit)
	err = conn.SendBatch(ctx, b).Close()
	return r, found, err
}

// clocksOfProbe selects the clocks with which a case was shown to who answered it as a known answer.
const clocksOfProbe = `SELECT l.clocks FROM cases c JOIN case_leases l ON l.user_name = c.present->>'probe_by' AND l.case_id = c.case_id AND l.clocks IS NOT NULL WHERE c.case_id = $1 LIMIT 1`

// storedEvents are the events of a case as they were found.
type storedEvents struct {
	events  []cases.Event
	bodies  [][]byte
	problem string // of the first event that does not hold
}

const eventsOfCases = "SELECT case_id, kind, user_name, approver, recorded_at, body, prev_sha256, sha256 FROM case_events WHERE case_id = ANY ($1) ORDER BY case_id, n"

// readEvents returns the events of cases, in order.
func readEvents(ctx context.Context, tx session, ids [][16]byte) (map[cases.ID]*storedEvents, error) {
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
