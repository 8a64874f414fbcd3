package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// LeaseTime is how long a lease lasts without a heartbeat.
const LeaseTime = 5 * time.Minute

// MaxLeases is the largest number of items that one call leases.
const MaxLeases = 8

// MaxHeld is the largest number of items that one user holds at a time.
const MaxHeld = 8

// beginLease lets one transaction at a time lease for the user, reads the clock, and returns how many more items the user
// may hold.
func (s *Store) beginLease(ctx context.Context, tx pgx.Tx, user string) (now schemas.Micros, left int, err error) {
	if _, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('leases of ' || $1::text, 0))", user); err != nil {
		return 0, 0, err
	}
	if now, err = s.readClock(ctx, tx); err != nil {
		return 0, 0, err
	}
	held := 0
	err = tx.QueryRow(ctx, heldItems, user, now.Time()).Scan(&held)
	return now, MaxHeld - held, err
}

const heldItems = "SELECT count(*) FROM cases WHERE case_id IN (SELECT case_id FROM case_leases WHERE user_name = $1) AND lease_user = $1 AND lease_until > $2"

func errLeasesFull() error {
	return &cases.Refusal{Code: cases.CodeLeasesFull, Detail: fmt.Sprintf("you hold %d items, as many as one may: decide some, or give them back", MaxHeld)}
}

// queueLease queues a lease of a case.
func (w *recorder) queueLease(id cases.ID, l *cases.Lease) {
	w.batch.Queue("UPDATE cases SET lease_id = $2, lease_user = $3, lease_since = $4, lease_until = $5, lease_loaded = '{}', lease_probe = $6 WHERE case_id = $1",
		uuidOf(id.ID), uuidOf(l.ID.ID), l.User, l.Since.Time(), l.Until.Time(), l.Probe)
	w.batch.Queue("INSERT INTO case_leases (lease_id, case_id, user_name, clocks) VALUES ($1, $2, $3, $4)", uuidOf(l.ID.ID), uuidOf(id.ID), l.User, l.Clocks)
}

// queueLeaseEnd queues the end of a lease; nil = there is none.
func (w *recorder) queueLeaseEnd(id cases.ID, l *cases.Lease) {
	if l == nil {
		return
	}
	w.batch.Queue("UPDATE cases SET lease_id = NULL, lease_user = NULL, lease_since = NULL, lease_until = NULL, lease_loaded = NULL, lease_probe = NULL WHERE case_id = $1", uuidOf(id.ID))
	if l.Probe { // the line keeps the clocks with which the case is shown until the answer takes effect
		return
	}
	w.batch.Queue("DELETE FROM case_leases WHERE lease_id = $1", uuidOf(l.ID.ID))
}

// leasedOf returns the item as its holder may see it.
func leasedOf(c *cases.Case, l cases.Lease) cases.Leased {
	out := cases.Leased{Case: *c, Queue: cases.QueueOf(c.State), Lease: l}
	switch {
	case l.Probe:
		out.Case, out.Queue = c.Blind(), cases.QueueDecide
		out.Case.State, out.Case.Corrected = cases.Open, nil
		if l.Clocks != nil {
			out.Case.Clocks = *l.Clocks
		}
	case c.State == cases.Confirmed, c.State == cases.Rejected: // who decides against a verdict knows it
		out.Queue = cases.QueueCounter
	case c.State != cases.Arbitration:
		out.Case = c.Blind()
	}
	return out
}

// checkQueue refuses a queue from which the actor gets nothing.
func checkQueue(by *cases.Actor, q cases.Queue) error {
	switch {
	case q == cases.QueueTransmit, q.State() == "":
		return &cases.Refusal{Code: cases.CodeInvalid, Field: "queue", Detail: fmt.Sprintf("%q is none of decide, second, key, arbitration", q)}
	case by.User == "", by.Role != cases.Agent && by.Role != cases.Supervisor, by.Role == cases.Agent && q == cases.QueueArbitration:
		return &cases.Refusal{Code: cases.CodeRole, Detail: fmt.Sprintf("queue %s is not of role %q", q, by.Role)}
	}
	return nil
}

// Lease gives the actor at most n (1 to [MaxLeases]) items of the queue: the next due that nobody has. Of second and key,
// it gives none in which the actor acted. No item is no error.
func (s *Store) Lease(ctx context.Context, by *cases.Actor, q cases.Queue, n int, f Filter) (out []cases.Leased, err error) {
	if err := checkQueue(by, q); err != nil {
		return nil, err
	}
	if n < 1 || n > MaxLeases {
		return nil, &cases.Refusal{Code: cases.CodeInvalid, Field: "n", Detail: fmt.Sprintf("%d items: 1 to %d can be leased", n, MaxLeases)}
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		now, left, err := s.beginLease(ctx, tx, by.User)
		if err != nil {
			return err
		}
		if left <= 0 {
			return errLeasesFull()
		}
		rows, err := s.pickItems(ctx, tx, by, q, min(n, left), f, now)
		if err != nil {
			return err
		}
		shown, err := s.drawProbes(ctx, tx, by, q, len(rows), now)
		if err != nil {
			return err
		}
		w := &recorder{}
		for i, r := range rows {
			l := cases.Lease{ID: newRandomID(), User: by.User, Since: now, Until: now + schemas.Span(LeaseTime), Probe: i < len(shown)}
			if l.Probe { // in the place of the item, with its clocks
				l.Clocks, r = &r.Clocks, shown[i]
			}
			w.queueLease(r.ID, &l)
			out = append(out, leasedOf(&r.Case, l))
		}
		return w.send(ctx, tx)
	})
	if err != nil {
		return nil, safeError("lease items", err)
	}
	return out, nil
}

// drawProbes locks the closed cases that are shown in the place of some of n items, by a draw for each item.
func (s *Store) drawProbes(ctx context.Context, tx pgx.Tx, by *cases.Actor, q cases.Queue, n int, now schemas.Micros) ([]*caseRow, error) {
	perMyriad, probes := s.o.Policy().ProbesPerMyriad, 0
	for range n {
		if q == cases.QueueDecide && rand.IntN(cases.Draws) < perMyriad { //nolint:gosec // a draw of known answers is no secret
			probes++
		}
	}
	if probes == 0 {
		return nil, nil
	}
	return s.pickProbes(ctx, tx, by, probes, now)
}

// pickItems locks the next items of a queue. The state stands in the text of the statement, so that the partial index
// of the queues serves every plan.
func (s *Store) pickItems(ctx context.Context, tx pgx.Tx, by *cases.Actor, q cases.Queue, n int, f Filter, now schemas.Micros) ([]*caseRow, error) {
	sql, args := pickStatement(by, q, n, f, now)
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return collectRows(rows)
}

func pickStatement(by *cases.Actor, q cases.Queue, n int, f Filter, now schemas.Micros) (sql string, args []any) {
	w := &where{}
	w.add("state = '" + string(q.State()) + "'")
	w.bound(by.Zones, by.Regimes)
	f.Queue, f.States, f.Zones, f.Regimes = "", nil, nil, nil
	w.filter(&f)
	w.add("(lease_until IS NULL OR lease_until < ?)", now.Time())
	w.add("first_user IS DISTINCT FROM ?", by.User)
	w.add("NOT (? = ANY (barred))", by.User)
	w.add("(assigned_to IS NULL OR assigned_to = ? OR assigned_until <= ?)", by.User, now.Time())
	if q == cases.QueueKey {
		w.add("(look_at IS NULL OR look_at > ?) AND NOT present ? 'look_now'", now.Time()) // keyed twice, or too long in the queue: the rules decide it
	}
	return "SELECT " + rowColumns + " FROM cases" + w.sql() + fmt.Sprintf(" ORDER BY due_at LIMIT %d FOR UPDATE SKIP LOCKED", n), w.args
}

// pickProbes locks closed cases on which two persons agreed: the next after a random id, or the first ones.
func (s *Store) pickProbes(ctx context.Context, tx pgx.Tx, by *cases.Actor, n int, now schemas.Micros) ([]*caseRow, error) {
	for _, after := range []cases.ID{newRandomID(), {}} {
		w := &where{}
		w.add("state IN ('confirmed', 'rejected', 'transmitted') AND second_user IS NOT NULL AND incidents = 0")
		w.add("present->'acted'->>-1 = second_user") // nobody arbitrated between the two
		w.bound(by.Zones, by.Regimes)
		w.add("(lease_until IS NULL OR lease_until < ?)", now.Time())
		w.add("first_user <> ? AND second_user <> ?", by.User, by.User)
		w.add("present->>'probe_by' IS DISTINCT FROM ?", by.User)
		w.add("NOT EXISTS (SELECT FROM case_events e WHERE e.case_id = cases.case_id AND (e.kind = 'keyed' OR e.kind = 'probe' AND e.user_name = ?))", by.User)
		w.add("case_id > ?", uuidOf(after.ID))
		rows, err := tx.Query(ctx, "SELECT "+rowColumns+" FROM cases"+w.sql()+fmt.Sprintf(" ORDER BY case_id LIMIT %d FOR UPDATE SKIP LOCKED", n), w.args...)
		if err != nil {
			return nil, err
		}
		if list, err := collectRows(rows); err != nil || len(list) > 0 {
			return list, err
		}
	}
	return nil, nil
}

// LeaseCase gives the actor the lease of one case that waits in a queue, or that the actor may decide against, when nobody
// else has it. The actor's own lease comes back as it stands.
func (s *Store) LeaseCase(ctx context.Context, by *cases.Actor, id cases.ID) (out cases.Leased, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		now, left, err := s.beginLease(ctx, tx, by.User)
		if err != nil {
			return err
		}
		r, err := lockCase(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.lease != nil && r.lease.Until > now && r.lease.User == by.User {
			out = leasedOf(&r.Case, *r.lease)
			return nil
		}
		if err := s.mayLease(r, by, now); err != nil {
			return err
		}
		if left <= 0 {
			return errLeasesFull()
		}
		w := &recorder{}
		w.queueLeaseEnd(id, r.lease)
		l := cases.Lease{ID: newRandomID(), User: by.User, Since: now, Until: now + schemas.Span(LeaseTime)}
		w.queueLease(id, &l)
		out = leasedOf(&r.Case, l)
		return w.send(ctx, tx)
	})
	return out, safeError("lease a case", err)
}

// mayLease refuses a case that the actor does not get.
func (s *Store) mayLease(r *caseRow, by *cases.Actor, now schemas.Micros) error {
	r.Settle(now)
	q, held := cases.QueueOf(r.State), r.lease != nil && r.lease.Until > now
	switch {
	case !by.MayReach(&r.Case):
		return &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such case"}
	case r.MayCounter(by, s.o.Policy(), now) && held:
		return &cases.Refusal{Code: cases.CodeLeaseLost, Detail: "somebody else has the case"}
	case r.MayCounter(by, s.o.Policy(), now):
		return nil
	case q == "" || q == cases.QueueTransmit || r.State == cases.Keying && r.LookNow:
		return &cases.Refusal{Code: cases.CodeDecided, Detail: "the case is " + string(r.State)}
	case !r.MayTake(by.User):
		return &cases.Refusal{Code: cases.CodeSamePerson, Detail: "another person must act on this case"}
	case held, r.AssignedTo != "" && r.AssignedTo != by.User && r.AssignedUntil > now:
		return &cases.Refusal{Code: cases.CodeLeaseLost, Detail: "somebody else has the case"}
	}
	return checkQueue(by, q)
}

// Held returns the items that the user holds, by due time, also those that the user may no longer reach.
func (s *Store) Held(ctx context.Context, user string) ([]cases.Leased, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+rowColumns+` FROM cases WHERE case_id IN (SELECT case_id FROM case_leases WHERE user_name = $1) AND lease_user = $1
		AND lease_until > clock_timestamp() + $2::interval ORDER BY due_at`, user, s.shift())
	if err != nil {
		return nil, safeError("find leases", err)
	}
	list, err := collectRows(rows)
	var out []cases.Leased
	for _, r := range list {
		out = append(out, leasedOf(&r.Case, *r.lease))
	}
	return out, safeError("find leases", err)
}

// Heartbeat extends leases of the actor. A lost lease is not in the answer, nor that of a case outside the actor's present
// zones and regimes.
func (s *Store) Heartbeat(ctx context.Context, by *cases.Actor, leases []cases.ID) (map[cases.ID]schemas.Micros, error) {
	ids := make([][16]byte, len(leases))
	for i := range leases {
		ids[i] = leases[i].ID
	}
	rows, err := s.pool.Query(ctx, `UPDATE cases c SET lease_until = clock_timestamp() + $3::interval + $4::interval FROM case_leases l
		WHERE l.lease_id = ANY ($1) AND c.case_id = l.case_id AND c.lease_id = l.lease_id AND c.lease_user = $2 AND c.lease_until > clock_timestamp() + $3::interval
		AND (cardinality($5::text[]) = 0 OR c.zone = ANY ($5)) AND (cardinality($6::text[]) = 0 OR c.regime = ANY ($6))
		RETURNING c.lease_id, c.lease_until`, ids, by.User, s.shift(), LeaseTime, namesOf(by.Zones), namesOf(by.Regimes))
	if err != nil {
		return nil, safeError("extend leases", err)
	}
	out := make(map[cases.ID]schemas.Micros, len(leases))
	var id cases.ID
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &until}, func() error {
		out[id] = schemas.MicrosOf(until)
		return nil
	})
	return out, safeError("extend leases", err)
}

// FindLease returns the case of a lease of the user, lapsed or not.
func (s *Store) FindLease(ctx context.Context, user string, lease cases.ID) (id cases.ID, err error) {
	err = s.pool.QueryRow(ctx, "SELECT case_id FROM case_leases WHERE lease_id = $1 AND user_name = $2", uuidOf(lease.ID), user).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = &cases.Refusal{Code: cases.CodeLeaseLost, Detail: "no such lease"}
	}
	return id, safeError("find a lease", err)
}

// GiveBack ends a lease of the actor. With skip, the case records a skip.
func (s *Store) GiveBack(ctx context.Context, by *cases.Actor, lease cases.ID, skip bool) error {
	id, err := s.FindLease(ctx, by.User, lease)
	if err != nil {
		return err
	}
	if skip {
		_, err := s.Do(ctx, &Request{Case: id, Lease: lease, Command: cases.Skip{}, By: *by, Key: "skip " + lease.String()})
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		r, err := lockCase(ctx, tx, id)
		if err != nil {
			return err
		}
		w := &recorder{}
		if r.lease != nil && r.lease.ID == lease && r.lease.User == by.User {
			w.queueLeaseEnd(id, r.lease)
		}
		return w.send(ctx, tx)
	})
	return safeError("give a lease back", err)
}

// NotePicture notes that the office served a picture of the case to the holder of the lease. Without a lease of the user
// nothing happens.
func (s *Store) NotePicture(ctx context.Context, user string, id cases.ID, sum schemas.Digest) error {
	_, err := s.pool.Exec(ctx, `UPDATE cases SET lease_loaded = array_append(lease_loaded, $3) WHERE case_id = $1 AND lease_user = $2 AND lease_until > clock_timestamp() + $4::interval
		AND NOT ($3 = ANY (lease_loaded))`, uuidOf(id.ID), user, []byte(sum), s.shift())
	return safeError("note a picture", err)
}

// where collects conditions with their arguments. A question mark in a condition is the next argument.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		cond = strings.Replace(cond, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.conds = append(w.conds, cond)
}

// bound limits the cases to zones and regimes; empty = all.
func (w *where) bound(zones []string, regimes []cases.Regime) {
	if len(zones) > 0 {
		w.add("zone = ANY (?)", zones)
	}
	if len(regimes) > 0 {
		w.add("regime = ANY (?)", namesOf(regimes))
	}
}

func (w *where) sql() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

func namesOf[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
