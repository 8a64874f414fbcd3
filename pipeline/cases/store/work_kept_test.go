package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// countedWork counts the work by the cases alone.
const countedWork = `SELECT coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), '') FROM (SELECT state || ' ' || CASE WHEN due_at <= $1 THEN 'overdue' WHEN due_at <= $2 THEN 'today' WHEN due_at <= $3 THEN 'three_days' ELSE 'later' END
	|| ' ' || zone || ' ' || count(*) AS line FROM cases WHERE state IN ('open', 'second', 'keying', 'arbitration', 'confirmed') GROUP BY state, zone, CASE WHEN due_at <= $1 THEN 'overdue' WHEN due_at <= $2 THEN 'today' WHEN due_at <= $3 THEN 'three_days' ELSE 'later' END) x`

// checkWork compares the numbers of the work list with the cases, at this moment of the desk's clock, and asks the audit.
func (d *desk) checkWork(when string) {
	d.t.Helper()
	now := d.now()
	sql, args := workStatement(nil, nil, now)
	var got, want string
	if err := d.pool.QueryRow(d.t.Context(), `SELECT coalesce(string_agg(state || ' ' || due || ' ' || zone || ' ' || n, E'\n' ORDER BY (state || ' ' || due || ' ' || zone || ' ' || n) COLLATE "C"), '') FROM (`+sql+`) AS w (state, due, zone, n, free)`, args...).Scan(&got); err != nil {
		d.t.Fatal(err)
	}
	today := now.Day()
	if err := d.pool.QueryRow(d.t.Context(), countedWork, now.Time(), (today + 1).Start().Time(), (today + 4).Start().Time()).Scan(&want); err != nil {
		d.t.Fatal(err)
	}
	if got != want {
		d.t.Errorf("%s: the work list says\n%s\nwant\n%s", when, got, want)
	}
	d.compareReasons(when, now)
	if a, err := d.Audit(d.t.Context()); err != nil || a.Kept != 0 || a.Unbalanced() != 0 {
		d.t.Errorf("%s: the audit says %+v, %v", when, a, err)
	}
}

// keepBack lets something keep a confirmed case from its batch: an obstacle, an incident, or a number that it has.
func (d *desk) keepBack(r *rand.Rand) {
	d.t.Helper()
	rows, _, err := d.List(d.t.Context(), Filter{States: []cases.State{cases.Confirmed}}, "", 50)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range rows {
		id := rows[i].Case.ID
		switch r.IntN(4) {
		case 0:
			err = d.NoteObstacle(d.t.Context(), id, "blocked_by_recipient")
		case 1:
			_, err = d.Do(d.t.Context(), &Request{Case: id, By: cases.SystemActor(), Command: cases.OpenIncident{Kind: cases.SealBroken, Text: "does not hold"}})
		case 2:
			_, _ = d.Do(d.t.Context(), &Request{Case: id, By: cases.SystemActor(), Command: cases.Number{Number: fmt.Sprintf("GV.%d", r.Int64())}})
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// compareReasons compares the kept reasons of unsent cases with those that the rows of the page give.
func (d *desk) compareReasons(when string, now schemas.Micros) {
	d.t.Helper()
	read := func(sql string) (out string) {
		if err := d.pool.QueryRow(d.t.Context(), "SELECT coalesce(string_agg(reason || ' ' || n, ', ' ORDER BY reason), '') FROM ("+sql+") AS x (reason, n)").Scan(&out); err != nil {
			d.t.Fatal(err)
		}
		return out
	}
	reason := strings.ReplaceAll(inboxSelect[InboxNotTransmitted].reason, "{unsent}", strconv.FormatInt(int64(now-UnsentTime), 10))
	got, want := read(unsentReasons(now, &TeamQuery{})), read("SELECT "+reason+", count(*) FROM cases WHERE state = 'confirmed' GROUP BY 1")
	if got != want {
		d.t.Errorf("%s: not handed over %q, want %q", when, got, want)
	}
}

// The counts that are kept of the work are those of the cases after any acts, at any hour of the day, before and after they are added up.
// An office has no right to change them, and the audit tells of every kind of difference.
func TestTheKeptWorkFollowsRandomActs(t *testing.T) {
	d := openDesk(t)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: 3000, RejectsPerMyriad: 3000}}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's acts
	t.Logf("seed %d", seed)
	var list []cases.Intake
	for i := range 30 {
		in := newIntake(i, d.now())
		in.Clocks.DecideBy, in.Clocks.SendBy = d.now()+schemas.Micros(r.IntN(120)-4)*schemas.Hour, 0
		if i%4 == 0 { // the first instant of a day, as laws have it
			in.Clocks.DecideBy = (d.now().Day() + schemas.Day(r.IntN(5))).Start()
		}
		if i%5 == 0 {
			in.Regime = cases.RegimeLEZ
		}
		list = append(list, in)
	}
	list = append(list, heldIntake(40, d.now(), "lane_unknown", d.now()+schemas.Hour), heldIntake(41, d.now(), "country_unknown", 0), heldIntake(42, d.now(), "register_stale", 0))
	d.takeIn(list...)
	d.checkWork("taken in")
	people := []string{"an", "bo", "cy", "zo"}
	for step := range 60 {
		by := agent(people[r.IntN(len(people))])
		switch r.IntN(6) {
		case 0:
			d.pass(time.Duration(r.IntN(20)) * time.Hour / 4)
			d.sweep()
		case 1:
			if _, err := d.owner.Exec(t.Context(), "SELECT sum_case_work(0)"); err != nil {
				t.Fatal(err)
			}
			d.keepBack(r)
		default:
			q := []cases.Queue{cases.QueueDecide, cases.QueueDecide, cases.QueueSecond}[r.IntN(3)]
			items, err := d.Lease(t.Context(), &by, q, 1, Filter{})
			if err != nil || len(items) == 0 {
				continue
			}
			d.seePictures(by, &items[0])
			cmd := []cases.Command{confirmation(), rejection(cases.NotLegible), cases.Hold{Reason: cases.AwaitsPartner, Until: d.now() + 24*schemas.Hour}, cases.Flag{Text: "look at this one, please"}}[r.IntN(4)]
			_, _ = d.answer(by, &items[0], cmd) // some are refused, which changes nothing
		}
		if step%12 == 11 {
			d.checkWork(fmt.Sprintf("seed %d, step %d", seed, step))
		}
	}
	d.pass(30 * day)
	d.sweep()
	d.checkWork("a month later")
	for _, sql := range []string{"INSERT INTO case_work VALUES ('open', '', '', 1, 1)", "DELETE FROM case_work", "UPDATE unsent_cases SET why = ''", "SELECT add_case_work(c, 1) FROM cases c", "SELECT recount_case_work()"} {
		if _, err := d.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("an office may: %s", sql)
		}
	}
	for _, sql := range []string{"INSERT INTO case_work VALUES ('open', '5339', 'traffic', 20000, 1)", "DELETE FROM case_work", "INSERT INTO unsent_cases VALUES (gen_random_uuid(), '', '', '', NULL)"} {
		if _, err := d.owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if a, err := d.Audit(t.Context()); err != nil || a.Unbalanced() == 0 {
			t.Errorf("after %s the audit says %+v, %v", sql, a, err)
		}
		if p, err := New(d.pool, d.o).AuditNext(t.Context(), auditBuckets); err != nil || p.WholeUnbalanced == 0 {
			t.Errorf("after %s a pass of the audit says %+v, %v", sql, p, err)
		}
		if _, err := d.owner.Exec(t.Context(), "SELECT recount_case_work()"); err != nil {
			t.Fatal(err)
		}
		d.checkWork("counted anew")
	}
}
