package store

import (
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// manyCases copies the cases of the desk n times, with their events, and lets the planner know.
func (d *desk) manyCases(n int) {
	d.t.Helper()
	d.pastTheGuards(`INSERT INTO cases SELECT r.* FROM cases c, generate_series(1, $1) i, LATERAL jsonb_populate_record(c, jsonb_build_object(
			'case_id', gen_random_uuid(), 'offence_id', gen_random_uuid(), 'due_at', c.due_at + i * interval '1 s', 'zone', (5339 + i % 6)::text,
			'plate', 'P' || i, 'sweep_at', NULL, 'look_at', NULL)) r`, n)
	d.pastTheGuards(`INSERT INTO case_events SELECT c.case_id, 1, gen_random_uuid(), 'taken_in', c.taken_in_at, '', '', convert_to('{}', 'UTF8'), '', sha256(convert_to('{}', 'UTF8'))
		FROM cases c WHERE NOT EXISTS (SELECT FROM case_events e WHERE e.case_id = c.case_id)`)
	for _, table := range []string{"cases", "case_events", "case_counts", "incidents", "case_leases"} {
		if _, err := d.owner.Exec(d.t.Context(), "ANALYZE "+table); err != nil {
			d.t.Fatal(err)
		}
	}
}

// planOf returns the plan of a statement as an office gets it.
func (d *desk) planOf(sql string, args ...any) string {
	d.t.Helper()
	rows, err := d.pool.Query(d.t.Context(), "EXPLAIN "+sql, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	plan := ""
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			d.t.Fatal(err)
		}
		plan += line + "\n"
	}
	if err := rows.Err(); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return plan
}

func TestNoFrequentQuestionReadsAllCasesOrEvents(t *testing.T) {
	d := openDesk(t)
	twoPersons(d)
	d.takeIn(newIntake(3, d.now()), heldIntake(1, d.now(), "lane_unknown", 0), heldIntake(2, d.now(), "country_unknown", 0))
	d.manyCases(1500)
	now := d.now()
	statements := map[string]struct {
		sql  string
		args []any
		uses string
	}{
		"counts of states": {countedStates, nil, ""},
		"holds":            {countedHolds, nil, "cases_held"},
		"settled verdicts": {settledVerdicts, []any{now.Time()}, "cases_settling"},
		"overlong holds":   {overlongHolds, []any{int64(now)}, "cases_longest"},
		"held items":       {heldItems, []any{"an", now.Time()}, "case_leases"},
		"due verdicts":     {"SELECT case_id FROM cases WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT 200 FOR UPDATE SKIP LOCKED", []any{now.Time()}, "cases_sweep"},
		"unsent cases":     {unsentCases, []any{time.Duration(0)}, "case_events_pkey"},
		"cases to number":  {unnumberedCases, []any{time.Duration(0), 100}, "cases_unnumbered"},
		"twins":            {"SELECT present FROM cases WHERE plate = $1 OR claimed = $1 AND claimed <> ''", []any{"P7"}, "cases_claimed"},
	}
	an := agent("an")
	an.Zones = []string{"5340", "5341"}
	for _, q := range []cases.Queue{cases.QueueDecide, cases.QueueSecond, cases.QueueKey, cases.QueueArbitration} {
		sql, args := pickStatement(&an, q, MaxLeases, Filter{}, now)
		statements["the next of "+string(q)] = struct {
			sql  string
			args []any
			uses string
		}{sql, args, "Index Scan using cases_queue"}
	}
	for name, zones := range map[string][]string{"incidents": nil, "incidents of a zone": {"5340"}} {
		sql, args := incidentsStatement(zones, nil, 100)
		statements[name] = struct {
			sql  string
			args []any
			uses string
		}{sql, args, "cases_pkey"}
	}
	// A busy desk changes the leases faster than the database learns how many there are.
	if _, err := d.owner.Exec(t.Context(), "SELECT pg_clear_relation_stats('public', 'case_leases')"); err != nil {
		t.Fatal(err)
	}
	sql, args := workStatement(nil, nil, now)
	plan := d.planOf(sql, args...)
	if !strings.Contains(plan, "Index Scan using cases_pkey") {
		t.Errorf("what people hold is not counted from the leases:\n%s", plan)
	}
	if strings.Contains(plan, "Seq Scan on cases") || !strings.Contains(plan, "case_work") || !strings.Contains(plan, "due_at > ") {
		t.Errorf("the work is not counted from what is kept, and today's by its due times:\n%s", plan)
	}
	statements["unsent cases by reason"] = struct {
		sql  string
		args []any
		uses string
	}{unsentReasons(now, &TeamQuery{}), nil, "unsent_cases"}
	for name, s := range statements {
		plan := d.planOf(s.sql, s.args...)
		if strings.Contains(plan, "Seq Scan on cases") || strings.Contains(plan, "Seq Scan on case_events") || !strings.Contains(plan, s.uses) {
			t.Errorf("%s: the plan is\n%s, want %q and no reading of a whole table", name, plan, s.uses)
		}
		if strings.HasPrefix(name, "the next of") && strings.Contains(plan, "Sort") {
			t.Errorf("%s sorts:\n%s", name, plan)
		}
	}
}

func TestTheCountsFollowEveryChange(t *testing.T) {
	d := openDesk(t)
	twoPersons(d)
	d.policy.Second = nil
	d.takeIn(newIntake(1, d.now()), newIntake(2, d.now()), heldIntake(3, d.now(), "lane_unknown", d.now()+schemas.Hour), heldIntake(4, d.now(), "country_unknown", 0))
	item := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &item, confirmation())
	item = d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &item, cases.Hold{Reason: cases.AwaitsPartner, Until: d.now() + 24*schemas.Hour})
	check := func(when string) {
		t.Helper()
		got, err := d.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, err := d.Audit(t.Context())
		if err != nil || want.Unbalanced() != 0 {
			t.Fatalf("%+v, %v", want, err)
		}
		settled := map[cases.State]int64{}
		rows, _, err := d.List(t.Context(), Filter{}, "", 100) // as of now: a verdict that took effect counts
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			settled[rows[i].Case.State]++
		}
		for _, s := range cases.States() {
			if got.ByState[s] != settled[s] {
				t.Errorf("%s: %d cases are %s, the counts say %d", when, settled[s], s, got.ByState[s])
			}
		}
		if got.Cases != want.Cases || got.Offences != want.Offences || got.Attempts != want.Attempts || got.Events != want.Events || got.Outbox != want.Outbox {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
		held, err := countHoldsNow(d)
		if err != nil || len(held) != len(got.Holds) {
			t.Fatalf("%s: holds %+v, want %+v, %v", when, got.Holds, held, err)
		}
		for i := range held {
			if got.Holds[i] != held[i] {
				t.Errorf("%s: hold %+v, want %+v", when, got.Holds[i], held[i])
			}
		}
	}
	check("at once")
	d.pass(11 * time.Second)
	check("a verdict took effect that no sweep wrote")
	d.sweep()
	check("swept")
	if _, err := d.owner.Exec(t.Context(), "SELECT add_case_counts(0)"); err != nil {
		t.Fatal(err)
	}
	check("added up")
	var rows int
	if err := d.owner.QueryRow(t.Context(), "SELECT count(*) FROM case_counts").Scan(&rows); err != nil || rows > 5 {
		t.Errorf("added up to %d rows, %v: at most one a bucket and state", rows, err)
	}
	for _, sql := range []string{"INSERT INTO case_counts VALUES (0, 'open', '', 1, 1, 1)", "DELETE FROM case_counts", "UPDATE case_counts SET n = 0"} {
		if _, err := d.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("an office may: %s", sql)
		}
	}
}

func countHoldsNow(d *desk) ([]HoldCount, error) {
	tx, err := d.pool.Begin(d.t.Context())
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(d.t.Context()) }()
	return countHolds(d.t.Context(), tx, nil, nil)
}

func TestTheAuditFindsWhatDoesNotAddUpAndGoesOnAfterARestart(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 6 {
		in = append(in, newIntake(i, d.now()))
	}
	d.takeIn(in...)
	if p, err := d.AuditNext(t.Context(), 100); err != nil || p.Bucket != 100 || p.Passes != 0 || p.Unbalanced != 0 {
		t.Fatalf("the first part: %+v, %v", p, err)
	}
	if p, err := New(d.pool, d.o).AuditNext(t.Context(), 156); err != nil || p.Bucket != 0 || p.Passes != 1 || p.WholeUnbalanced != 0 {
		t.Fatalf("after a restart: %+v, %v", p, err)
	}
	for name, sql := range map[string]string{
		"a case that is gone":          "WITH c AS (SELECT min(case_id::text)::uuid AS id FROM cases), p AS (DELETE FROM case_pictures USING c WHERE case_id = c.id), o AS (DELETE FROM case_events USING c WHERE case_id = c.id) DELETE FROM cases USING c WHERE case_id = c.id",
		"another state":                "UPDATE cases SET state = 'rejected' WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)",
		"an event that is gone":        "DELETE FROM case_events WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)",
		"a count":                      "UPDATE case_counts SET n = n + 1 WHERE ctid = (SELECT ctid FROM case_counts LIMIT 1)",
		"an attempt without the first": "UPDATE cases SET attempt = 3 WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)",
	} {
		tx, err := d.owner.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"ALTER TABLE cases DISABLE TRIGGER USER", "ALTER TABLE case_events DISABLE TRIGGER USER", sql} {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		found := int64(0)
		for bucket := range auditBuckets {
			n, err := auditBucket(t.Context(), tx, bucket)
			if err != nil {
				t.Fatal(err)
			}
			found += n
		}
		if found == 0 {
			t.Errorf("%s: the audit found nothing", name)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// The figures of a team read the answers of four weeks by indexes alone: at a year of cases the bodies of these events and the rows of their
// cases took seconds.
func TestTheFiguresOfATeamReadNoBodies(t *testing.T) {
	d := openDesk(t)
	twoPersons(d)
	d.manyCases(1500)
	for _, table := range []string{"cases", "case_events"} {
		if _, err := d.owner.Exec(t.Context(), "VACUUM ANALYZE "+table); err != nil {
			t.Fatal(err)
		}
	}
	since := (d.now() - schemas.Span(FiguresTime)).Time()
	for cond, index := range map[string]string{answered: "case_events_answered", answeredNo: "case_events_rejected"} {
		sql, args := answersStatement(since, cond, "e.kind", &TeamQuery{}, "")
		if index == "case_events_rejected" {
			sql, args = answersStatement(since, cond, "''", &TeamQuery{}, "")
		}
		tx, err := d.owner.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"); err != nil { // the table is small
			t.Fatal(err)
		}
		var plan string
		if err := tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, `"Index Only Scan"`) || !strings.Contains(plan, index) {
			t.Errorf("%s: want an index-only scan of %s:\n%s", cond, index, plan)
		}
	}
}
