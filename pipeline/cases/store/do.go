package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// KeyTime is how long an idempotency key gives the first answer again.
const KeyTime = 24 * time.Hour

// Request is a command for one case.
type Request struct {
	Case      cases.ID
	IfVersion int64    // version that the caller saw; 0 = any, for jobs
	Key       string   // idempotency key; "" = none, for jobs
	Lease     cases.ID // lease of the caller; zero = none
	Command   cases.Command
	By        cases.Actor
}

// Done is the answer to a command.
type Done struct {
	Event *cases.Event  `json:"event,omitempty"` // nil = nothing changed
	Case  cases.Case    `json:"case"`            // after the event, as of its time
	Lease *cases.Leased `json:"lease,omitempty"` // after an undo: the item again
	Again bool          `json:"-"`               // the key was used before: this is the first answer
}

// Do does a command in one transaction. The error is a [*cases.Refusal] when the command may not be done. After another
// error, whether the command was done is known only to who asks again under the same key.
//
// A verdict takes three round trips: the first begins, locks the case and reads, the second reads the other cases of the plate, the
// third writes and commits. Between them the row of the case is locked, and a busy database lets each wait for its turn.
func (s *Store) Do(ctx context.Context, r *Request) (done Done, err error) {
	if cases.NeedsFile(r.Command) {
		return s.doWithFile(ctx, r)
	}
	err = s.useConnection(ctx, func(conn session) error {
		first := &recorder{}
		first.batch.Queue(begin)
		last := &recorder{ends: true}
		done, err = s.actOn(ctx, conn, r, first, last)
		return err
	})
	if err != nil {
		return Done{}, safeError("act on a case", err)
	}
	return done, nil
}

// doWithFile does a command that needs the file of the case's vehicle, whose lock comes before that of the case.
func (s *Store) doWithFile(ctx context.Context, r *Request) (done Done, err error) {
	if err = s.refreshFile(ctx, r.Case); err != nil {
		return Done{}, safeError("read the file of a vehicle", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.lockFileOf(ctx, tx, r.Case); err != nil {
			return err
		}
		done, err = s.doInside(ctx, tx, r)
		return err
	})
	if err != nil {
		return Done{}, safeError("act on a case", err)
	}
	return done, nil
}

// doInside does a command inside a transaction.
func (s *Store) doInside(ctx context.Context, tx session, r *Request) (Done, error) {
	return s.actOn(ctx, tx, r, &recorder{}, &recorder{})
}

// actOn does a command. The statements that first has go before its own, those of last are the last of its own.
func (s *Store) actOn(ctx context.Context, tx session, r *Request, first, last *recorder) (Done, error) {
	row, m, answer, err := s.readForAct(ctx, tx, r, &first.batch)
	if answer != nil || err != nil {
		return Done{Again: true}.of(answer), err
	}
	if m, err = s.completeMoment(ctx, tx, r, row, m); err != nil {
		return Done{}, err
	}
	e, err := cases.Act(&row.Case, r.Command, &r.By, m)
	if err != nil {
		return Done{}, err
	}
	if e == nil {
		return s.leaveUnchanged(ctx, tx, r, row, m.Now, last)
	}
	return s.recordInto(ctx, tx, r, row, e, last)
}

// readForAct locks the case and reads the first answer to the key, the clock and the preview that the command refers to, in this order: who
// waits for the case sees what was answered meanwhile. With an answer, the rest is unset.
func (s *Store) readForAct(ctx context.Context, tx session, r *Request, b *pgx.Batch) (row *caseRow, m *cases.Moment, answer *Done, err error) {
	m = &cases.Moment{}
	b.Queue("SELECT "+rowColumns+" FROM cases WHERE case_id = $1 FOR UPDATE", uuidOf(r.Case.ID)).QueryRow(func(found pgx.Row) (err error) {
		row, err = scanRow(found)
		return asNotFound(err)
	})
	if r.Key != "" {
		sum, err := sumRequest(r)
		if err != nil {
			return nil, nil, nil, err
		}
		b.Queue(firstAnswer, r.By.User, r.Key, KeyTime).QueryRow(func(found pgx.Row) (err error) {
			answer, err = scanAnswer(found, sum)
			return err
		})
	}
	b.Queue(clock, s.shift()).QueryRow(func(found pgx.Row) error { return scanMicros(found, &m.Now) })
	if id := previewOf(r.Command); !id.IsZero() {
		b.Queue(previewByID, uuidOf(id.ID)).QueryRow(func(found pgx.Row) (err error) {
			m.Preview, err = scanPreview(found, id)
			return err
		})
	}
	if err = tx.SendBatch(ctx, b).Close(); err != nil || answer != nil {
		return nil, nil, answer, err
	}
	return row, m, nil, foldOlder(ctx, tx, []*caseRow{row})
}

// of returns the first answer, marked as given again.
func (d Done) of(first *Done) Done {
	if first == nil {
		return Done{}
	}
	first.Again = d.Again
	return *first
}

// newMoment reads the clock and what the command refers to.
func (s *Store) newMoment(ctx context.Context, tx session, r *Request, row *caseRow) (m *cases.Moment, err error) {
	m = &cases.Moment{}
	if m.Now, err = s.readClock(ctx, tx); err != nil {
		return nil, err
	}
	if id := previewOf(r.Command); !id.IsZero() {
		if m.Preview, err = scanPreview(tx.QueryRow(ctx, previewByID, uuidOf(id.ID)), id); err != nil {
			return nil, err
		}
	}
	return s.completeMoment(ctx, tx, r, row, m)
}

// completeMoment adds to clock and preview what follows from the locked case.
func (s *Store) completeMoment(ctx context.Context, tx session, r *Request, row *caseRow, m *cases.Moment) (_ *cases.Moment, err error) {
	m.Policy, m.IfVersion, m.Draw = s.o.Policy(), r.IfVersion, cases.Draw(s.o.DrawKey, r.Case)
	if l := row.lease; l != nil && l.ID == r.Lease && l.User == r.By.User && l.Until > m.Now {
		m.Lease = l
	}
	if cases.MeetsWire(r.Command) {
		if m.Wired, err = isWired(ctx, tx, row.Camera, row.Family); err != nil {
			return nil, err
		}
	}
	if cases.NeedsFile(r.Command) {
		if m.File, err = s.fileNow(ctx, tx, row, m.Now); err != nil {
			return nil, err
		}
	}
	m.Twins, err = s.lockTwins(ctx, tx, &row.Case, r.Command, m.Now)
	return m, err
}

func previewOf(cmd cases.Command) cases.ID {
	switch x := cmd.(type) {
	case cases.Decide:
		return x.Preview
	case cases.Arbitrate:
		return x.Preview
	case cases.Counter:
		return x.Preview
	default:
		return cases.ID{}
	}
}

// leaveUnchanged notes that the rules looked at a case and found nothing new.
func (s *Store) leaveUnchanged(ctx context.Context, tx session, r *Request, row *caseRow, now schemas.Micros, w *recorder) (Done, error) {
	done := Done{Case: row.Case}
	if a, ok := answerOf(r.Command); ok {
		w.batch.Queue("UPDATE cases SET look_at = $4, look_after = NULL, look_failures = 0, looked_versions = greatest(looked_versions, "+versionsOfPair+") WHERE case_id = $1",
			uuidOf(r.Case.ID), a.Facts.Catalogue, a.Facts.Reference, timeOrNull(row.Case.NextLook(now)))
	}
	if err := w.queueAnswer(r, &done); err != nil {
		return done, err
	}
	return done, w.send(ctx, tx)
}

// recordAct writes the event, the row, the lease and the answer.
func (s *Store) recordAct(ctx context.Context, tx session, r *Request, row *caseRow, e *cases.Event) (Done, error) {
	return s.recordInto(ctx, tx, r, row, e, &recorder{})
}

// recordInto is recordAct by way of a recorder.
func (s *Store) recordInto(ctx context.Context, tx session, r *Request, row *caseRow, e *cases.Event, w *recorder) (Done, error) {
	c := row.Case
	if err := w.record(&c, e); err != nil {
		return Done{}, err
	}
	if err := w.updateRow(&c); err != nil {
		return Done{}, err
	}
	if a, ok := answerOf(r.Command); ok {
		w.batch.Queue("UPDATE cases SET "+noteLook+" WHERE case_id = $1", uuidOf(c.ID.ID), a.Facts.Catalogue, a.Facts.Reference)
	}
	done := Done{Event: e, Case: c}
	var err error
	switch {
	case e.Of != "": // an undo: the person has the item again
		if done.Lease, err = leaseAgain(ctx, tx, w, &c, e, row.lease); err != nil {
			return Done{}, err
		}
	case endsLease(e):
		w.queueLeaseEnd(c.ID, row.lease)
	}
	if err := w.queueAnswer(r, &done); err != nil {
		return Done{}, err
	}
	return done, w.send(ctx, tx)
}

// endsLease reports whether nobody holds the item after the event.
func endsLease(e *cases.Event) bool {
	return e.From != e.To || e.Kind == cases.Skipped || e.Kind == cases.KeyedPlate || e.Kind == cases.Probed || e.Kind == cases.Assigned
}

// leaseAgain gives the item back to who took the verdict back, under a new lease and so under a new key.
func leaseAgain(ctx context.Context, tx session, w *recorder, c *cases.Case, e *cases.Event, old *cases.Lease) (*cases.Leased, error) {
	w.queueLeaseEnd(c.ID, old)
	l := cases.Lease{ID: newRandomID(), User: e.User, Since: e.RecordedAt, Until: e.RecordedAt + schemas.Span(LeaseTime), Probe: e.Kind == cases.Probed}
	if l.Probe {
		var err error
		if l.Clocks, err = clocksShown(ctx, tx, c.ID, e.User); err != nil {
			return nil, err
		}
	}
	w.queueLease(c.ID, &l)
	out := leasedOf(c, l)
	return &out, nil
}

// clocksShown returns the clocks with which a closed case was shown to a user; nil = it never was.
func clocksShown(ctx context.Context, q querier, id cases.ID, user string) (clocks *cases.Clocks, err error) {
	err = q.QueryRow(ctx, "SELECT clocks FROM case_leases WHERE user_name = $2 AND case_id = $1 AND clocks IS NOT NULL LIMIT 1", uuidOf(id.ID), user).Scan(&clocks)
	return clocks, ignoreNoRows(err)
}

const firstAnswer = "SELECT request_sha256, answer FROM case_keys WHERE user_name = $1 AND request_key = $2 AND taken_at > clock_timestamp() - $3::interval"

// scanAnswer reads the first answer to a key that was used for the request with the sum; nil = the key is new.
func scanAnswer(row pgx.Row, sum []byte) (*Done, error) {
	var first, answer []byte
	err := row.Scan(&first, &answer)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(first, sum):
		return nil, &cases.Refusal{Code: cases.CodeKeyReused, Detail: "the key of this change stood for another one: give each change a key of its own"}
	}
	d := new(Done)
	if err := json.Unmarshal(answer, d); err != nil {
		return nil, fmt.Errorf("read the first answer: %w", err)
	}
	return d, nil
}

// queueAnswer queues the answer under the key of the request. The same key of another case, at the same time, waits here for the other
// transaction; a key that stands for another change then leaves the sum unset, which its column refuses, and so nothing is
// committed: see safeError.
func (w *recorder) queueAnswer(r *Request, d *Done) error {
	if r.Key == "" {
		return nil
	}
	sum, err := sumRequest(r)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(d)
	if err != nil {
		return err
	}
	w.batch.Queue(`INSERT INTO case_keys (user_name, request_key, request_sha256, answer) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name, request_key) DO UPDATE SET request_sha256 = CASE WHEN case_keys.taken_at <= clock_timestamp() - $5::interval THEN excluded.request_sha256 END,
			answer = excluded.answer, taken_at = excluded.taken_at`, r.By.User, r.Key, sum, answer, KeyTime)
	return nil
}

// sumRequest returns SHA-256 over the case, the kind of the command and the command.
func sumRequest(r *Request) ([]byte, error) {
	body, err := json.Marshal(r.Command)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %T %s", r.Case, r.Command, body))
	return sum[:], nil
}
