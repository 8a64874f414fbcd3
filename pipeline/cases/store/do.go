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
func (s *Store) Do(ctx context.Context, r *Request) (done Done, err error) {
	if cases.NeedsFile(r.Command) {
		err = s.refreshFile(ctx, r.Case)
	}
	if err != nil {
		return Done{}, safeError("read the file of a vehicle", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if cases.NeedsFile(r.Command) {
			if err := s.lockFileOf(ctx, tx, r.Case); err != nil {
				return err
			}
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
func (s *Store) doInside(ctx context.Context, tx pgx.Tx, r *Request) (Done, error) {
	row, err := lockCase(ctx, tx, r.Case)
	if err != nil {
		return Done{}, err
	}
	if first, err := findAnswer(ctx, tx, r); first != nil || err != nil {
		return Done{Again: true}.of(first), err
	}
	m, err := s.newMoment(ctx, tx, r, row)
	if err != nil {
		return Done{}, err
	}
	e, err := cases.Act(&row.Case, r.Command, &r.By, m)
	if err != nil {
		return Done{}, err
	}
	if e == nil {
		return s.leaveUnchanged(ctx, tx, r, row, m.Now)
	}
	return s.recordAct(ctx, tx, r, row, e)
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
func (s *Store) newMoment(ctx context.Context, tx pgx.Tx, r *Request, row *caseRow) (*cases.Moment, error) {
	now, err := s.readClock(ctx, tx)
	if err != nil {
		return nil, err
	}
	m := &cases.Moment{Now: now, Policy: s.o.Policy(), IfVersion: r.IfVersion, Draw: cases.Draw(s.o.DrawKey, r.Case)}
	if l := row.lease; l != nil && l.ID == r.Lease && l.User == r.By.User && l.Until > now {
		m.Lease = l
	}
	if cases.NeedsFile(r.Command) {
		if m.File, err = s.fileNow(ctx, tx, row, now); err != nil {
			return nil, err
		}
	}
	if m.Twins, err = s.lockTwins(ctx, tx, &row.Case, r.Command, now); err != nil {
		return nil, err
	}
	if id := previewOf(r.Command); !id.IsZero() {
		if m.Preview, err = findPreview(ctx, tx, id); err != nil {
			return nil, err
		}
	}
	return m, nil
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
func (s *Store) leaveUnchanged(ctx context.Context, tx pgx.Tx, r *Request, row *caseRow, now schemas.Micros) (Done, error) {
	done := Done{Case: row.Case}
	if a, ok := answerOf(r.Command); ok {
		_, err := tx.Exec(ctx, "UPDATE cases SET look_at = $4, look_after = NULL, look_failures = 0, looked_versions = greatest(looked_versions, "+versionsOfPair+") WHERE case_id = $1",
			uuidOf(r.Case.ID), a.Facts.Catalogue, a.Facts.Reference, timeOrNull(row.Case.NextLook(now)))
		if err != nil {
			return done, err
		}
	}
	return done, saveAnswer(ctx, tx, r, &done)
}

// recordAct writes the event, the row, the lease and the answer.
func (s *Store) recordAct(ctx context.Context, tx pgx.Tx, r *Request, row *caseRow, e *cases.Event) (Done, error) {
	c := row.Case
	w := &recorder{}
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
	if err := w.send(ctx, tx); err != nil {
		return Done{}, err
	}
	return done, saveAnswer(ctx, tx, r, &done)
}

// endsLease reports whether nobody holds the item after the event.
func endsLease(e *cases.Event) bool {
	return e.From != e.To || e.Kind == cases.Skipped || e.Kind == cases.KeyedPlate || e.Kind == cases.Probed || e.Kind == cases.Assigned
}

// leaseAgain gives the item back to who took the verdict back, under a new lease and so under a new key.
func leaseAgain(ctx context.Context, tx pgx.Tx, w *recorder, c *cases.Case, e *cases.Event, old *cases.Lease) (*cases.Leased, error) {
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

// findAnswer returns the first answer to the key; nil = the key is new.
func findAnswer(ctx context.Context, tx pgx.Tx, r *Request) (*Done, error) {
	if r.Key == "" {
		return nil, nil
	}
	sum, err := sumRequest(r)
	if err != nil {
		return nil, err
	}
	var first, answer []byte
	err = tx.QueryRow(ctx, "SELECT request_sha256, answer FROM case_keys WHERE user_name = $1 AND request_key = $2 AND taken_at > clock_timestamp() - $3::interval",
		r.By.User, r.Key, KeyTime).Scan(&first, &answer)
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

// saveAnswer keeps the answer under the key of the request.
func saveAnswer(ctx context.Context, tx pgx.Tx, r *Request, d *Done) error {
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
	// The same key of another case, at the same time, waits here for the other transaction.
	tag, err := tx.Exec(ctx, `INSERT INTO case_keys (user_name, request_key, request_sha256, answer) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name, request_key) DO UPDATE SET request_sha256 = excluded.request_sha256, answer = excluded.answer, taken_at = excluded.taken_at
		WHERE case_keys.taken_at <= clock_timestamp() - $5::interval`, r.By.User, r.Key, sum, answer, KeyTime)
	if err == nil && tag.RowsAffected() == 0 {
		err = &cases.Refusal{Code: cases.CodeKeyReused, Detail: "the key of this change stands for another one at this moment"}
	}
	return err
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
