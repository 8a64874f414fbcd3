package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// secondLook brings case 0 to a state after two persons.
func twoPersons(d *desk) cases.ID {
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: cases.Draws}}
	d.takeIn(newIntake(0, d.now()))
	for _, q := range []cases.Queue{cases.QueueDecide, cases.QueueSecond} {
		by := agent("an")
		if q == cases.QueueSecond {
			if list, err := d.Lease(d.t.Context(), &by, q, 1, Filter{}); err != nil || len(list) != 0 {
				d.t.Fatalf("the first person is offered the second look: %v, %v", list, err)
			}
			by = agent("bo")
		}
		item := d.lease(by, q)
		if q == cases.QueueSecond && (item.Case.First != nil || item.Case.FirstUser != "" || item.Case.Acted != nil) {
			d.t.Errorf("the second person sees the first: %+v", item.Case)
		}
		d.mustAnswer(by, &item, confirmation())
		d.pass(11 * time.Second)
		d.sweep()
	}
	list, _, err := d.List(d.t.Context(), Filter{}, "", 1)
	if err != nil || list[0].Case.State != cases.Confirmed {
		d.t.Fatalf("%+v, %v", list, err)
	}
	return list[0].Case.ID
}

func TestTheDatabaseRefusesWhatNoPersonMayDo(t *testing.T) {
	d := openDesk(t)
	id := uuidOf(twoPersons(d).ID)
	for name, c := range map[string]struct{ sql, want string }{
		"one person twice":             {"UPDATE cases SET second_user = first_user WHERE case_id = $1", "four_eyes"},
		"other sealed bytes":           {"UPDATE cases SET sealed = '\\x00' WHERE case_id = $1", "refused"},
		"another plate":                {"UPDATE cases SET plate = 'X' WHERE case_id = $1", "refused"},
		"a changed event":              {"UPDATE case_events SET kind = 'noted' WHERE case_id = $1", "append-only"},
		"a deleted event":              {"DELETE FROM case_events WHERE case_id = $1", "append-only"},
		"no events":                    {"TRUNCATE case_events", "append-only"},
		"a state that is none":         {"UPDATE cases SET state = 'lost' WHERE case_id = $1", "check constraint"},
		"a verdict without its time":   {"UPDATE cases SET state = 'settling' WHERE case_id = $1", "settling_has_its_time"},
		"the offence again":            {"INSERT INTO cases SELECT (jsonb_populate_record(c, jsonb_build_object('case_id', gen_random_uuid()))).* FROM cases c WHERE case_id = $1", "one_case_an_attempt"},
		"an event beside the chain":    {insertEvent("4", "''", "convert_to('{}', 'UTF8')", "'\\x00'", "''"), "does not follow"},
		"an event with another sum":    {insertEvent("n + 1", "''", "convert_to('{}', 'UTF8')", "sha256", "''"), "chained"},
		"an event after a gap":         {insertEvent("n + 2", "''", "convert_to('{}', 'UTF8')", "sha256", "''"), "does not follow"},
		"an asker who approves":        {insertEvent("n + 1", "'an'", "convert_to('{}', 'UTF8')", "sha256", "'an'"), "asker_is_not_approver"},
		"a case that begins elsewhere": {strings.Replace(insertEvent("1", "''", "''::bytea", "''::bytea", "''"), "SELECT case_id", "SELECT gen_random_uuid()", 1), "begins_with_intake"},
	} {
		args := []any{id}
		if !strings.Contains(c.sql, "$1") {
			args = nil
		}
		if _, err := d.owner.Exec(t.Context(), c.sql, args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, sql := range []string{
		"UPDATE cases SET sealed = sealed", "UPDATE cases SET offence_id = offence_id", "DELETE FROM cases", "UPDATE case_events SET kind = kind", "DELETE FROM case_events",
		"TRUNCATE case_events", "UPDATE incidents SET text = ''", "DELETE FROM incidents", "INSERT INTO outbox_reader (until) VALUES (now())",
	} {
		if _, err := d.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("the office may: %s (%v)", sql, err)
		}
	}
	d.allHolds()
}

// insertEvent returns a statement that forges an event after the last one.
func insertEvent(n, user, body, prev, approver string) string {
	return fmt.Sprintf(`INSERT INTO case_events (case_id, n, event_id, kind, recorded_at, user_name, approver, body, prev_sha256, sha256)
		SELECT case_id, %s, gen_random_uuid(), 'noted', now(), %s, %s, %s, %s, sha256(%s || %s) FROM case_events WHERE case_id = $1 ORDER BY n DESC LIMIT 1`, n, user, approver, body, prev,
		map[bool]string{true: "'x'::bytea", false: prev}[n == "n + 1" && approver == "''"], body)
}

func TestAChangedRowOrEventIsFound(t *testing.T) {
	d := openDesk(t)
	id := twoPersons(d)
	for _, change := range []string{
		"UPDATE cases SET state = 'rejected'", "UPDATE cases SET version = version + 1", "UPDATE cases SET first_user = 'cy'", "UPDATE cases SET second_user = NULL",
		"UPDATE cases SET sealed = '\\x00'", "UPDATE cases SET present = jsonb_set(present, '{amount_cents}', '1')", "UPDATE cases SET present = jsonb_set(present, '{plate}', '\"1XYZ999\"')",
		"UPDATE cases SET present = '[]'", "UPDATE cases SET head_sha256 = sha256('x')",
		"UPDATE case_events SET user_name = 'cy' WHERE kind = 'decided'", "UPDATE case_events SET recorded_at = recorded_at + interval '1 s' WHERE n = 2",
		"DELETE FROM case_events WHERE n = 3", "UPDATE case_events SET body = body || ' ', sha256 = sha256(prev_sha256 || body || ' ') WHERE n = 2",
	} {
		tx, err := d.owner.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{"ALTER TABLE cases DISABLE TRIGGER USER", "ALTER TABLE case_events DISABLE TRIGGER USER", change} {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		rows, err := readColumns(t.Context(), tx, cases.ID{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		bad, err := compareRows(t.Context(), tx, rows)
		if err != nil || len(bad) != 1 || bad[0].Case != id {
			t.Errorf("%s: found %v, %v", change, bad, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.allHolds()
}

func TestTheOutboxGivesEachEventInOrderUntilItIsPublished(t *testing.T) {
	d := openDesk(t)
	twoPersons(d)
	first, err := d.Outbox(t.Context(), 100)
	if err != nil || len(first) != 3 {
		t.Fatalf("%d events, %v", len(first), err)
	}
	for i, r := range first {
		if r.N != int64(i+1) || r.Offence != newIntake(0, 0).Offence || r.Kind != []cases.EventKind{cases.TakenIn, cases.Decided, cases.SecondDecided}[i] {
			t.Errorf("event %d: %+v", i+1, r)
		}
	}
	if list, err := d.other.Outbox(t.Context(), 100); err != nil || len(list) != 0 {
		t.Errorf("a second reader gets %d, %v", len(list), err)
	}
	d.pass(4 * time.Second) // the first reader died after it published, and before it said so
	list, err := d.other.Outbox(t.Context(), 2)
	if err != nil || len(list) != 2 || list[0].Event != first[0].Event || list[1].Event != first[1].Event {
		t.Errorf("the next reader gets %v, %v", list, err)
	}
	ids := []cases.ID{first[0].Event, first[1].Event, {}}
	if err := d.other.Published(t.Context(), ids); err != nil {
		t.Fatal(err)
	}
	if list, err := d.other.Outbox(t.Context(), 100); err != nil || len(list) != 1 || list[0].N != 3 {
		t.Errorf("left: %v, %v", list, err)
	}
	var body string
	if err := d.owner.QueryRow(t.Context(), "SELECT string_agg(body::text, '') FROM outbox").Scan(&body); err != nil || strings.Contains(body, "1ABC123") {
		t.Errorf("the outbox holds a plate, or %v", err)
	}
	if totals, err := d.Totals(t.Context()); err != nil || totals.Outbox != 1 || totals.Oldest == 0 || totals.Events != 3 {
		t.Errorf("%+v, %v", totals, err)
	}
}

func TestTheListIsInTheOrderOfItsClockWhileOthersDecide(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 12 {
		in = append(in, newIntake(i, d.now()))
	}
	slices.Reverse(in)
	d.takeIn(in...)
	var seen []schemas.Micros
	for after := ""; ; {
		rows, next, err := d.List(t.Context(), Filter{Queue: cases.QueueDecide, Zones: []string{"5339"}}, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Case.Zone != "5339" {
				t.Errorf("a row of zone %s", r.Case.Zone)
			}
			seen = append(seen, r.Case.DecideBy)
		}
		if after == "" {
			item := d.lease(agent("an"), cases.QueueDecide) // the first row, already seen
			d.mustAnswer(agent("an"), &item, confirmation())
		}
		if after = next; next == "" {
			break
		}
	}
	if len(seen) != 6 || !slices.IsSorted(seen) {
		t.Errorf("seen %v", seen)
	}
	work, holds, err := d.Counts(t.Context(), []string{"5340"}, []cases.Regime{cases.RegimeTraffic})
	if err != nil || len(work) != 1 || work[0].N != 6 || work[0].Free != 6 || work[0].Due != DueLater || len(holds) != 0 {
		t.Errorf("counts: %+v, %+v, %v", work, holds, err)
	}
	for cond, f := range map[string]Filter{
		"plate": {Plate: "1ABC123"}, "camera": {Camera: "C1"}, "site": {Site: "S1"}, "family": {Family: "speed"}, "municipality": {Municipality: 21004},
		"amount": {AmountFrom: 5300, AmountTo: 5300}, "captured": {CapturedFrom: d.now() - 2*schemas.Hour, CapturedTo: d.now()}, "due": {DueBefore: farFuture},
	} {
		if n, err := d.Count(t.Context(), f); err != nil || n != 12 {
			t.Errorf("by %s: %d, %v", cond, n, err)
		}
	}
	for cond, f := range map[string]Filter{
		"plate": {Plate: "1ABC124"}, "mark": {Mark: "foreign"}, "hold": {HoldReason: "x"}, "number": {Number: "x"}, "hold due": {HoldDue: farFuture}, "zone": {Zone: "1"},
	} {
		if n, err := d.Count(t.Context(), f); err != nil || n != 0 {
			t.Errorf("by another %s: %d, %v", cond, n, err)
		}
	}
	for _, after := range []string{"x", "!!"} {
		_, _, err := d.List(t.Context(), Filter{}, after, 1)
		wantCode(t, err, cases.CodeInvalid)
	}
}

func TestACaseThatDoesNotHoldGetsAnIncidentOnce(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()), newIntake(2, d.now()), newIntake(3, d.now()))
	if p, err := d.Prove(t.Context(), 100); err != nil || len(p.Bad) != 0 || p.Round.Rounds != 1 || p.Round.Whole.Proved != 4 {
		t.Fatalf("whole cases: %+v, %v", p, err)
	}
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, change := range []string{
		"UPDATE cases SET present = jsonb_set(present, '{amount_cents}', '1') WHERE case_id = $1", "UPDATE cases SET sealed = '\\x00' WHERE case_id = $1",
		"UPDATE cases SET head_sha256 = sha256('x'), present = jsonb_set(present, '{head}', to_jsonb(repeat('00', 32))) WHERE case_id = $1",
	} {
		d.pastTheGuards(change, uuidOf(rows[i].Case.ID.ID))
	}
	for range 2 {
		p, err := d.Prove(t.Context(), 100)
		if bad := p.Bad; len(bad) != 3 || err == nil || !strings.Contains(err.Error(), rows[2].Case.ID.String()) {
			t.Errorf("found %v, %v: want three, and the case that takes no event in the error", bad, err)
		}
	}
	open, err := d.Incidents(t.Context(), nil, nil, 10)
	if err != nil || len(open) != 2 || open[0].Kind == open[1].Kind {
		t.Errorf("open incidents: %+v, %v", open, err)
	}
	if got := d.stateOf(rows[3].Case.ID); got != cases.Open {
		t.Errorf("the whole case is %s", got)
	}
}
