package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// approval asks for an approval as an office does, and returns its id.
func (d *desk) approval(user string) (id string) {
	d.t.Helper()
	err := d.owner.QueryRow(d.t.Context(), `WITH p AS (INSERT INTO purposes (user_name, role, zones, sign_in, purpose, reason, case_ref, prosecutor_ref, ends_at)
			VALUES ($1, 'gvc_supervisor', '{}', '', 'traffic', 'a wrong limit', '', '', clock_timestamp() + interval '8 hours') RETURNING purpose_id)
		INSERT INTO approvals (kind, subject_key, question, purpose_id, user_name, role, zones) SELECT 'bulk', '\x00', '{}', purpose_id, $1, 'gvc_supervisor', '{}' FROM p RETURNING approval_id::text`,
		user).Scan(&id)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

func (d *desk) decideApproval(id, by, outcome string) {
	d.t.Helper()
	if _, err := d.owner.Exec(d.t.Context(), "UPDATE approvals SET outcome = $3, decided_by = $2, decided_at = clock_timestamp() WHERE approval_id = $1::uuid", id, by, outcome); err != nil {
		d.t.Fatal(err)
	}
}

// wrongLimit is a withdrawal of all that a camera saw.
func wrongLimit() *Bulk {
	return &Bulk{Kind: BulkWithdraw, Choice: BulkChoice{Camera: "C1"}, Reason: cases.LimitWrong, Text: "the sign said 50, the registry 30", By: supervisor("su")}
}

// askFor prepares an act, asks for its approval, and returns both ids.
func (d *desk) askFor(b *Bulk, expected int64) (id cases.ID, approval string) {
	d.t.Helper()
	id, _, err := d.PrepareBulk(d.t.Context(), b, expected)
	if err != nil {
		d.t.Fatal(err)
	}
	approval = d.approval(b.By.User)
	if first, err := d.AskBulk(d.t.Context(), id, approval); err != nil || first != id {
		d.t.Fatalf("asked for %s: %s, %v", id, first, err)
	}
	return id, approval
}

// runBulk steps until no act has anything to do.
func runBulk(ctx context.Context, s *Store) error {
	for {
		worked, err := s.StepBulk(ctx)
		if err != nil || !worked {
			return err
		}
	}
}

func (d *desk) bulk(id cases.ID) *BulkStatus {
	d.t.Helper()
	by := supervisor("any")
	st, err := d.GetBulk(d.t.Context(), &by, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return st
}

// Two offices withdraw a thousand cases, while the server ends their sessions in the middle of a step again and again: each case has one
// event, and the result says so.
func TestABulkActIsDoneOnceACaseWhateverBreaks(t *testing.T) {
	const n = 1000
	d := openDesk(t)
	list := make([]cases.Intake, n)
	for i := range list {
		list[i] = newIntake(i, d.now())
	}
	d.takeIn(list...)
	id, approval := d.askFor(wrongLimit(), n)
	if err := runBulk(t.Context(), d.Store); err != nil || d.bulk(id).State != BulkWaiting || d.bulk(id).Done != 0 {
		t.Fatalf("before anybody approved: %+v, %v", d.bulk(id), err)
	}
	d.decideApproval(approval, "sv", "approved")
	var failures atomic.Int64
	var offices sync.WaitGroup
	for _, s := range []*Store{d.Store, d.other} {
		offices.Go(func() {
			for t.Context().Err() == nil {
				switch err := runBulk(t.Context(), s); {
				case err != nil:
					failures.Add(1) // the office tries again
				case d.open(id) == 0:
					return
				}
			}
		})
	}
	for killed := 0; killed < 6 && d.open(id) > 0; { // an account may end its own sessions
		var k int
		if err := d.pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = current_user AND datname = current_database()
			AND pid <> pg_backend_pid() AND (query LIKE 'INSERT INTO case_events%' OR query LIKE 'UPDATE%')`).Scan(&k); err != nil {
			continue // this session was ended by its own kind
		}
		killed += k
	}
	offices.Wait()
	st := d.bulk(id)
	if st.State != BulkDone || st.Done != n || st.Refused != 0 || st.Approver != "sv" || failures.Load() == 0 {
		t.Errorf("%+v after %d failed steps, want %d done and some failures", st, failures.Load(), n)
	}
	var events, distinct, approved int
	err := d.owner.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT case_id), count(*) FILTER (WHERE approver = 'sv' AND user_name = 'su') FROM case_events WHERE kind = 'withdrawn'").Scan(&events, &distinct, &approved)
	if err != nil || events != n || distinct != n || approved != n {
		t.Errorf("%d withdrawals of %d cases, %d of them by the two persons; %v", events, distinct, approved, err)
	}
	var withdrawn int
	if err := d.owner.QueryRow(t.Context(), "SELECT count(*) FROM cases WHERE state = 'withdrawn' AND version = 2").Scan(&withdrawn); err != nil || withdrawn != n {
		t.Errorf("%d cases are withdrawn with two events, want %d; %v", withdrawn, n, err)
	}
}

// open returns how many cases of an act wait.
func (d *desk) open(id cases.ID) (n int64) {
	err := d.owner.QueryRow(d.t.Context(), "SELECT count(*) FROM bulk_cases WHERE bulk_id = $1 AND outcome = ''", uuidOf(id.ID)).Scan(&n)
	if err != nil {
		d.t.Error(err)
	}
	return n
}

// What a choice selects is what the second person approves; what came or went since is told.
func TestTheCasesOfABulkActAreThoseThatWereCounted(t *testing.T) {
	d := openDesk(t)
	for i := range 6 {
		in := newIntake(i, d.now())
		if i == 5 {
			in.Decision.On.Camera = "C2"
		}
		d.takeIn(in)
	}
	b := wrongLimit()
	set, err := d.CountBulk(t.Context(), b)
	if err != nil || set.Cases != 5 || set.ByState["open"] != 5 {
		t.Fatalf("%+v, %v: want 5 open cases", set, err)
	}
	for name, c := range map[string]struct {
		change func(*Bulk)
		n      int64
		code   cases.Code
	}{
		"another count":      {nil, 4, cases.CodeStale},
		"nothing bounds it":  {func(b *Bulk) { b.Choice = BulkChoice{} }, 6, cases.CodeInvalid},
		"list and filter":    {func(b *Bulk) { b.Choice.Cases = []cases.ID{newRandomID()} }, 1, cases.CodeInvalid},
		"no reason":          {func(b *Bulk) { b.Reason = "" }, 5, cases.CodeInvalid},
		"a reason to reject": {func(b *Bulk) { b.Reason = cases.WithdrawReason(cases.NotLegible) }, 5, cases.CodeInvalid},
		"no text":            {func(b *Bulk) { b.Text = "short" }, 5, cases.CodeInvalid},
		"a confirmation":     {func(b *Bulk) { b.Kind = "confirm" }, 5, cases.CodeInvalid},
		"any doubt at all":   {func(b *Bulk) { b.Kind, b.Reason = BulkRelease, "" }, 0, cases.CodeInvalid},
		"a list to release": {func(b *Bulk) {
			b.Kind, b.Reason, b.Choice = BulkRelease, "", BulkChoice{Cases: []cases.ID{newRandomID()}}
		}, 1, cases.CodeInvalid},
		"a doubt of nobody":   {func(b *Bulk) { b.Kind, b.Reason, b.Choice.HoldReason = BulkRelease, "", "unknown_vehicle" }, 0, cases.CodeInvalid},
		"a reason to release": {func(b *Bulk) { b.Kind, b.Choice.HoldReason = BulkRelease, "lane_unknown" }, 0, cases.CodeInvalid},
		"a state beyond":      {func(b *Bulk) { b.Choice.State = cases.Transmitted }, 0, cases.CodeInvalid},
		"an agent":            {func(b *Bulk) { b.By.Role = cases.Agent }, 5, cases.CodeRole},
		"another zone's case": {func(b *Bulk) { b.By.Zones = []string{"5339"} }, 5, cases.CodeStale},
	} {
		asked := wrongLimit()
		if c.change != nil {
			c.change(asked)
		}
		_, _, err := d.PrepareBulk(t.Context(), asked, c.n)
		if r, ok := errors.AsType[*cases.Refusal](err); !ok || r.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	_, approval := d.askFor(b, 5)
	if err := d.CheckBulk(t.Context(), approval); err != nil {
		t.Errorf("nothing changed: %v", err)
	}
	l := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &l, rejection(cases.NotLegible))
	d.takeIn(newIntake(7, d.now())) // one goes, one comes: the number is the same
	wantCode(t, d.CheckBulk(t.Context(), approval), cases.CodeStale)
}

// A case that refuses stops no other and says why; what had been handed over is listed with number and amount.
func TestTheResultOfABulkActListsRefusalsAndLetters(t *testing.T) {
	d := openDesk(t)
	var ids []cases.ID
	for i := range 4 {
		d.takeIn(newIntake(i, d.now()))
	}
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		ids = append(ids, rows[i].Case.ID)
	}
	for range 3 {
		l := d.lease(agent("an"), cases.QueueDecide)
		d.mustAnswer(agent("an"), &l, confirmation())
	}
	d.pass(11 * time.Second)
	d.sweep()
	sent := d.now()
	handOver := func(id cases.ID, number string) { // as the job of hand-over does, in short
		d.pastTheGuards(`UPDATE cases SET state = 'transmitted', number = $2, present = present || jsonb_build_object('state', 'transmitted', 'number', $2::text, 'batch', 'B1', 'sent_at', $3::bigint)
			WHERE case_id = $1`, uuidOf(id.ID), number, int64(sent))
	}
	handOver(ids[0], "BR.1")
	handOver(ids[1], "BR.2")
	b := wrongLimit()
	b.Kind, b.Choice = BulkAnnul, BulkChoice{Cases: ids}
	id, approval := d.askFor(b, 4)
	d.decideApproval(approval, "sv", "approved")
	if err := runBulk(t.Context(), d.other); err != nil {
		t.Fatal(err)
	}
	st := d.bulk(id)
	if st.State != BulkDone || st.Done != 2 || st.Refused != 2 || st.Letters != 2 || st.Cents != 2*5300 {
		t.Errorf("%+v: want 2 done with a letter of 53 euros each, 2 refused", st)
	}
	letters, err := d.BulkCases(t.Context(), id, BulkLetters, cases.ID{}, 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("letters: %+v, %v", letters, err)
	}
	for _, l := range letters {
		if (l.Number != "BR.1" && l.Number != "BR.2") || l.AmountCents != 5300 || l.SentAt != sent || l.Track != cases.ImmediateCollection || l.StateBefore != cases.Transmitted || l.Batch != "B1" {
			t.Errorf("a letter lacks something: %+v", l)
		}
		if d.rawState(l.Case) != "annulled" {
			t.Errorf("%s is %s", l.Case, d.rawState(l.Case))
		}
	}
	if notices, err := d.OpenNotices(t.Context(), nil, nil, 10); err != nil || len(notices) != 2 {
		t.Errorf("notices for the recipients: %+v, %v", notices, err)
	}
	refused, err := d.BulkCases(t.Context(), id, BulkRefusals, cases.ID{}, 10)
	for _, r := range refused {
		if r.Outcome != string(cases.CodeDecided) || r.Detail == "" {
			t.Errorf("a refusal does not say why: %+v", r)
		}
	}
	if err != nil || len(refused) != 2 {
		t.Errorf("refusals: %+v, %v", refused, err)
	}
	narrow := supervisor("zoned")
	narrow.Zones = []string{"5339"}
	_, err = d.GetBulk(t.Context(), &narrow, id)
	wantCode(t, err, cases.CodeNotFound)
}

func (d *desk) rawState(id cases.ID) (state string) {
	d.t.Helper()
	if err := d.owner.QueryRow(d.t.Context(), "SELECT state FROM cases WHERE case_id = $1", uuidOf(id.ID)).Scan(&state); err != nil {
		d.t.Fatal(err)
	}
	return state
}

// A verdict that can still be taken back is waited for; refused, lapsed and unasked acts never begin; nobody rewrites what was asked.
func TestABulkActBeginsOnlyWhenAnotherPersonApproved(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()))
	l := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &l, confirmation())
	id, approval := d.askFor(wrongLimit(), 2)
	again, _, err := d.PrepareBulk(t.Context(), wrongLimit(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if first, err := d.AskBulk(t.Context(), again, approval); err != nil || first != id {
		t.Errorf("the same question asked twice: %s, %v, want the first act", first, err)
	}
	refused, no := d.askFor(wrongLimit(), 2)
	d.decideApproval(no, "sv", "refused")
	lapsed, late := d.askFor(wrongLimit(), 2)
	if _, err := d.owner.Exec(t.Context(), "UPDATE approvals SET asked_at = asked_at - interval '9 hours' WHERE approval_id = $1::uuid", late); err != nil {
		t.Fatal(err)
	}
	if err := runBulk(t.Context(), d.Store); err != nil {
		t.Fatal(err)
	}
	for act, want := range map[cases.ID]BulkState{id: BulkWaiting, refused: BulkRefused, lapsed: BulkLapsed} {
		if st := d.bulk(act); st.State != want || st.Done+st.Refused != 0 {
			t.Errorf("%+v, want %s and nothing done", st, want)
		}
	}
	d.decideApproval(approval, "sv", "approved")
	if err := runBulk(t.Context(), d.Store); err != nil {
		t.Fatal(err)
	}
	if st := d.bulk(id); st.State != BulkRunning || st.Done != 1 {
		t.Errorf("%+v: want the case with a verdict under way to wait", st)
	}
	d.pass(11 * time.Second)
	if err := runBulk(t.Context(), d.Store); err != nil || d.bulk(id).State != BulkDone || d.bulk(id).Done != 2 {
		t.Errorf("%+v, %v: want both done", d.bulk(id), err)
	}
	for name, sql := range map[string]string{
		"another approver":  "UPDATE bulk_acts SET approver = 'other' WHERE approver <> ''",
		"another approval":  "UPDATE bulk_acts SET approval_id = gen_random_uuid() WHERE approver <> ''",
		"other cases":       "UPDATE bulk_cases SET outcome = '', event_id = NULL WHERE outcome = 'done'",
		"fewer cases":       "DELETE FROM bulk_cases",
		"no act":            "DELETE FROM bulk_acts WHERE approver <> ''",
		"own approval":      "UPDATE bulk_acts SET approver = user_name, began_at = now() WHERE approver = ''",
		"more cases":        "INSERT INTO bulk_cases (bulk_id, case_id) SELECT bulk_id, case_id FROM bulk_acts, cases WHERE ended_at IS NULL ON CONFLICT DO NOTHING",
		"another text":      "UPDATE bulk_acts SET text = 'other'",
		"another end":       "UPDATE bulk_acts SET ended_at = now() + interval '1 day' WHERE ended_at IS NOT NULL",
		"a decided act ran": "UPDATE bulk_acts SET ended_at = NULL WHERE ended_at IS NOT NULL",
	} {
		tag, err := d.pool.Exec(t.Context(), sql)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok && (err != nil || tag.RowsAffected() > 0) {
			t.Errorf("%s: %v, %d rows, %v: want a refusal of the database", name, err, tag.RowsAffected(), pg)
		}
	}
	d.allHolds()
}
