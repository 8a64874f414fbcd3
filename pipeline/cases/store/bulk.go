package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// BulkKind is an act on many cases. There is no bulk confirmation.
type BulkKind string

// All acts in bulk.
const (
	BulkWithdraw BulkKind = "withdraw" // before the hand-over
	BulkExpire   BulkKind = "expire"   // undecided, after the send clock
	BulkAnnul    BulkKind = "annul"    // after the hand-over
	BulkRelease  BulkKind = "release"  // held for one reason: its doubt is settled, and the rules decide again
	BulkRecall   BulkKind = "recall"   // withdrawn before the hand-over, annulled after it
)

// states returns the states from which the act leads.
func (k BulkKind) states() []cases.State {
	switch k {
	case BulkWithdraw:
		return []cases.State{cases.Held, cases.Keying, cases.Open, cases.Second, cases.Arbitration, cases.Confirmed, cases.Returned}
	case BulkExpire:
		return []cases.State{cases.Held, cases.Keying, cases.Open, cases.Second, cases.Arbitration}
	case BulkAnnul:
		return []cases.State{cases.Transmitted, cases.Returned}
	case BulkRelease:
		return []cases.State{cases.Held}
	case BulkRecall:
		return append(BulkWithdraw.states(), cases.Transmitted)
	}
	return nil
}

// hasReason reports whether the act takes a reason of the closed list.
func (k BulkKind) hasReason() bool { return k == BulkWithdraw || k == BulkAnnul || k == BulkRecall }

// mostBulk bounds the cases of one act.
const mostBulk = 100_000

// Bulk is an act on many cases that somebody asks for.
type Bulk struct {
	Kind   BulkKind
	Choice BulkChoice
	Reason cases.WithdrawReason // of withdraw, annul and recall, which alone have one
	Text   string               // why, for the two persons and the events
	By     cases.Actor          // who asks, with zones and regimes of the moment
}

// BulkChoice chooses the cases of an act: by a list, or by all of the given fields. Zones and regimes come from the actor.
type BulkChoice struct {
	Cases      []cases.ID     `json:"case_ids,omitempty"`
	Camera     string         `json:"camera,omitempty"`
	From       schemas.Micros `json:"from,omitempty"` // capture, inclusive
	To         schemas.Micros `json:"to,omitempty"`   // capture, exclusive
	Family     schemas.Family `json:"family,omitempty"`
	Rule       schemas.RuleID `json:"rule,omitempty"`
	Catalogue  string         `json:"catalogue,omitempty"` // version under which the case was decided last
	Reference  string         `json:"reference,omitempty"` // the same of the reference data
	State      cases.State    `json:"state,omitempty"`
	HoldReason string         `json:"hold_reason,omitempty"`
	Zone       string         `json:"zone,omitempty"`
	Affected   string         `json:"affected,omitempty"` // KIND:NAME of a value on which the case rests now; needs From and To
}

// isEmpty reports whether nothing bounds the choice.
func (c *BulkChoice) isEmpty() bool {
	return len(c.Cases) == 0 && c.Camera == "" && c.From == 0 && c.To == 0 && c.Family == "" && c.Rule == "" && c.Catalogue == "" && c.Reference == "" &&
		c.State == "" && c.HoldReason == "" && c.Zone == "" && c.Affected == ""
}

// check refuses what no act can be.
func (b *Bulk) check() error {
	c, filter := &b.Choice, b.Choice
	filter.Cases = nil
	invalid := func(field, detail string) error {
		return &cases.Refusal{Code: cases.CodeInvalid, Field: field, Detail: detail}
	}
	switch {
	case b.Kind.states() == nil:
		return invalid("kind", "must be withdraw, expire, annul, release or recall")
	case len(c.Cases) == 0 && filter.isEmpty():
		return invalid("filter", "must bound the cases by at least one field, or case_ids must name them")
	case len(c.Cases) > 0 && !filter.isEmpty():
		return invalid("case_ids", "cannot be given with a filter")
	case c.State != "" && !slices.Contains(b.Kind.states(), c.State):
		return invalid("state", fmt.Sprintf("must be one of %v for %s", b.Kind.states(), b.Kind))
	case b.Kind == BulkRelease && len(c.Cases) > 0:
		return invalid("case_ids", "cannot be given for release: it takes a filter with the hold_reason that it settles")
	case b.Kind == BulkRelease && c.HoldReason == "":
		return invalid("hold_reason", "must name the one doubt that release settles")
	case c.Affected != "" && (c.From == 0 || c.To == 0):
		return invalid("affected", "needs from and to: which decisions rest on a value is read from each of them")
	case c.From != 0 && c.To != 0 && c.From >= c.To:
		return invalid("from", "must be before to")
	case b.By.User == "" || b.By.Role != cases.Supervisor:
		return &cases.Refusal{Code: cases.CodeRole, Detail: "an act on many cases is a supervisor's"}
	}
	return cases.CheckBulkReason(b.Reason, b.Text, b.Kind.hasReason())
}

// checkAsked refuses what no act can be, and a release from a hold whose doubt no person can settle.
func (s *Store) checkAsked(b *Bulk) error {
	if err := b.check(); err != nil {
		return err
	}
	if b.Kind == BulkRelease && !s.o.Policy().Holds[b.Choice.HoldReason].ByHand {
		return &cases.Refusal{Code: cases.CodeInvalid, Field: "hold_reason", Detail: fmt.Sprintf("nobody can settle %s by hand", b.Choice.HoldReason)}
	}
	return nil
}

// chosen returns the conditions of the choice within the zones and regimes of who asks. Of a list every case is chosen
// whatever its state: one that the act cannot take is in the result with the reason.
func (s *Store) chosen(b *Bulk) *where {
	c, w := &b.Choice, &where{}
	w.bound(b.By.Zones, b.By.Regimes)
	if len(c.Cases) > 0 {
		ids := make([][16]byte, len(c.Cases))
		for i := range c.Cases {
			ids[i] = c.Cases[i].ID
		}
		w.add("case_id = ANY (?)", ids)
		return w
	}
	states := namesOf(b.Kind.states())
	if c.State != "" {
		states = []string{string(c.State)}
	}
	w.add("(state = ANY (?) OR state = 'settling' AND settles_to = ANY (?))", states, states)
	if b.Kind == BulkExpire {
		w.add("(present->>'send_by')::bigint <= extract(epoch FROM clock_timestamp() + ?::interval) * 1000000", s.shift())
	}
	w.filter(&Filter{Camera: c.Camera, CapturedFrom: c.From, CapturedTo: c.To, Family: c.Family, HoldReason: c.HoldReason, Zone: c.Zone})
	for _, t := range []struct{ field, value string }{{"rule", string(c.Rule)}, {"catalogue", c.Catalogue}, {"reference", c.Reference}} {
		if t.value != "" {
			w.add("present->>'"+t.field+"' = ?", t.value)
		}
	}
	return w
}

// BulkSet is what a choice selects at a moment.
type BulkSet struct {
	Cases   int64            // how many
	Mix     int64            // exclusive or of parts of their ids: two choices with one number and one mix are the same cases
	ByState map[string]int64 // how many in each state
}

// CountBulk says what an act would be about, and changes nothing.
func (s *Store) CountBulk(ctx context.Context, b *Bulk) (BulkSet, error) {
	if err := s.checkAsked(b); err != nil {
		return BulkSet{}, err
	}
	set, _, err := s.countChosen(ctx, s.pool, b)
	return set, safeError("count the cases of an act", err)
}

// rowsQuerier is a pool or a transaction.
type rowsQuerier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// countChosen counts the cases of the choice, and returns the conditions that select them.
func (s *Store) countChosen(ctx context.Context, q rowsQuerier, b *Bulk) (BulkSet, *where, error) {
	set := BulkSet{ByState: map[string]int64{}}
	w := s.chosen(b)
	if b.Choice.Affected != "" {
		if err := s.boundAffected(ctx, q, w, b.Choice.Affected); err != nil {
			return set, w, err
		}
	}
	rows, err := q.Query(ctx, "SELECT state, count(*), "+mixOf("case_id")+" FROM cases"+w.sql()+" GROUP BY 1", w.args...)
	if err != nil {
		return set, w, err
	}
	var state string
	var n, mix int64
	_, err = pgx.ForEachRow(rows, []any{&state, &n, &mix}, func() error {
		set.Cases, set.Mix, set.ByState[state] = set.Cases+n, set.Mix^mix, n
		return nil
	})
	return set, w, err
}

// PrepareBulk chooses the cases of an act and keeps them, for a second person to approve. Without [Store.AskBulk] the act
// never begins. The refusal is [cases.CodeStale] when expected is not the number of the cases of now.
func (s *Store) PrepareBulk(ctx context.Context, b *Bulk, expected int64) (id cases.ID, set BulkSet, err error) {
	if err := s.checkAsked(b); err != nil {
		return id, set, err
	}
	query, err := json.Marshal(&b.Choice)
	if err != nil {
		return id, set, err
	}
	id = newRandomID()
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		var w *where
		if set, w, err = s.countChosen(ctx, tx, b); err != nil {
			return err
		}
		switch {
		case set.Cases != expected:
			return &cases.Refusal{Code: cases.CodeStale, Detail: fmt.Sprintf("the choice has %d cases, and not %d: count again", set.Cases, expected)}
		case set.Cases == 0:
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "filter", Detail: "selects no case in your zones"}
		case set.Cases > mostBulk:
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "filter", Detail: fmt.Sprintf("selects %d cases; one act takes at most %d", set.Cases, mostBulk)}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO bulk_acts (bulk_id, kind, query, reason, text, cases, user_name, zones, regimes, purpose_id, log_seq)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, uuidOf(id.ID), string(b.Kind), query, string(b.Reason), b.Text, set.Cases, b.By.User,
			notNil(b.By.Zones), namesOf(b.By.Regimes), b.By.Purpose, int64(b.By.LogSeq)); err != nil { //nolint:gosec // numbers of the log fit
			return err
		}
		w.args = append(w.args, uuidOf(id.ID))
		_, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO bulk_cases (bulk_id, case_id) SELECT $%d, case_id FROM cases", len(w.args))+w.sql(), w.args...)
		return err
	})
	return id, set, safeError("prepare an act on many cases", err)
}

// AskBulk notes which approval a prepared act waits for. The same question asked twice has one approval: the act that was
// prepared second is deleted, and the first one comes back.
func (s *Store) AskBulk(ctx context.Context, id cases.ID, approval string) (first cases.ID, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('bulk act of ' || $1, 0))", approval); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, "SELECT bulk_id FROM bulk_acts WHERE approval_id = $1::uuid", approval).Scan(&first)
		if errors.Is(err, pgx.ErrNoRows) {
			first = id
			_, err = tx.Exec(ctx, "UPDATE bulk_acts SET approval_id = $2::uuid WHERE bulk_id = $1", uuidOf(id.ID), approval)
			return err
		}
		if err != nil || first == id {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM bulk_acts WHERE bulk_id = $1", uuidOf(id.ID))
		return err
	})
	return first, safeError("ask for an act on many cases", err)
}

// CheckBulk refuses with [cases.CodeStale] when the choice of the act that waits for an approval is no longer the cases that
// were chosen.
func (s *Store) CheckBulk(ctx context.Context, approval string) error {
	err := pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		st, err := findBulk(ctx, tx, "approval_id = $1::uuid", approval)
		if err != nil {
			return err
		}
		now, _, err := s.countChosen(ctx, tx, &st.Bulk)
		if err != nil {
			return err
		}
		var n, mix int64
		if err := tx.QueryRow(ctx, "SELECT count(*), "+mixOf("case_id")+" FROM bulk_cases WHERE bulk_id = $1", uuidOf(st.ID.ID)).Scan(&n, &mix); err != nil {
			return err
		}
		if now.Cases != n || now.Mix != mix {
			return &cases.Refusal{Code: cases.CodeStale, Detail: fmt.Sprintf("the choice has other cases than when it was asked for (%d now, %d then): refuse it, and have it asked for again", now.Cases, n)}
		}
		return nil
	})
	return safeError("compare the cases of an act", err)
}
