package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// decidedBy lets two persons decide an item, the second one as said, and lets the verdict take effect.
func (d *desk) decidedBy(first, second string, one, two cases.Decide) {
	d.t.Helper()
	l := d.lease(agent(first), cases.QueueDecide)
	d.mustAnswer(agent(first), &l, one)
	d.pass(11 * time.Second)
	d.sweep()
	if second == "" {
		return
	}
	l = d.lease(agent(second), cases.QueueSecond)
	d.mustAnswer(agent(second), &l, two)
	d.pass(11 * time.Second)
	d.sweep()
}

// The figures of a team are those of SQL that was written apart from the program's, over the same snapshot. Each line of SQL says the
// figure in its own words: over the events' bodies and the present states as stored, without the columns that the program reads.
func TestTheFiguresOfATeamAreThoseOfOtherSQL(t *testing.T) {
	d := openDesk(t)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: 10_000, RejectsPerMyriad: 10_000}}
	now := d.now()
	for i := range 14 {
		in := newIntake(i, now)
		in.Clocks.DecideBy, in.Clocks.SendBy = (now.Day() + schemas.Day(i+2)).Start(), 0
		if i%3 == 0 {
			in.Regime = cases.RegimeLEZ
		}
		d.takeIn(in)
	}
	d.takeIn(heldIntake(20, now, "register_stale", 0), heldIntake(21, now, "register_stale", now+24*schemas.Hour), heldIntake(22, now, "country_unknown", 0), heldIntake(23, now, "lane_unknown", 0))
	d.pass(4 * day)
	d.decidedBy("an", "bo", confirmation(), confirmation())
	d.decidedBy("an", "cy", confirmation(), rejection(cases.NotLegible))
	d.decidedBy("bo", "an", rejection(cases.TwoVehicles), rejection(cases.VehicleDiffers))
	d.decidedBy("cy", "", rejection(cases.Exemption), cases.Decide{})
	l := d.lease(agent("an"), cases.QueueDecide)
	taken := d.mustAnswer(agent("an"), &l, confirmation())
	if _, err := d.Do(t.Context(), &Request{Case: l.Case.ID, IfVersion: taken.Case.Version, Key: "undo", Command: cases.Undo{Event: taken.Event.ID}, By: agent("an")}); err != nil {
		t.Fatal(err)
	}
	d.policy.ProbesPerMyriad = 10_000
	for _, verdict := range []cases.Decide{confirmation(), rejection(cases.NotLegible)} {
		l := d.lease(agent([]string{"cy", "zo"}[len(verdict.Reason)%2]), cases.QueueDecide)
		_, _ = d.answer(agent(l.Lease.User), &l, verdict)
	}
	if _, err := d.pool.Exec(t.Context(), "INSERT INTO intake_hours VALUES (date_trunc('hour', now()), 7, 6, 1, 0, now())"); err != nil {
		t.Fatal(err)
	}
	for _, q := range []TeamQuery{{Rows: 3}, {Rows: 3, Zones: []string{"5339"}}, {Rows: 3, Regimes: []cases.Regime{cases.RegimeLEZ}}, {Rows: 3, Zones: []string{"nowhere"}}} {
		got, err := d.Team(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		d.compareTeam(got, q)
		if len(q.Zones)+len(q.Regimes) > 0 {
			continue
		}
		known := int64(0)
		for _, p := range got.Persons {
			known += p.Known.Items
		}
		if known != 2 || len(got.Rules) == 0 || len(got.Intake) != 1 || got.Intake[0].Missing != 1 {
			t.Errorf("known answers %d, rules %+v, leases %+v, intake %+v", known, got.Rules, got.Leases, got.Intake)
		}
	}
}

// compareTeam compares with SQL over the stored JSON alone.
func (d *desk) compareTeam(got *Team, q TeamQuery) {
	d.t.Helper()
	zones, regimes := "true", "true"
	if len(q.Zones) > 0 {
		zones = "present->>'zone' IN ('" + strings.Join(q.Zones, "','") + "')"
	}
	if len(q.Regimes) > 0 {
		regimes = "present->>'regime' IN ('" + strings.Join(namesOf(q.Regimes), "','") + "')"
	}
	now := fmt.Sprint(int64(got.Now))
	with := `WITH c AS MATERIALIZED (SELECT case_id, present FROM cases WHERE ` + zones + ` AND ` + regimes + `),
		e AS MATERIALIZED (SELECT case_id, n, convert_from(body, 'UTF8')::jsonb AS b FROM case_events WHERE case_id IN (SELECT case_id FROM c)),
		gone AS (SELECT b->>'of' AS id FROM e WHERE b ? 'of' AND b->>'of' <> ''),
		live AS (SELECT case_id, n, b FROM e WHERE b->>'event_id' NOT IN (SELECT id FROM gone)),
		queued AS (SELECT present->>'zone' AS zone, present->>'state' AS state, (present->>'decide_by')::bigint AS due FROM c WHERE present->>'state' IN ('open', 'second', 'keying', 'arbitration')) `
	compare := func(what, sql string, program []string) {
		d.t.Helper()
		rows, err := d.owner.Query(d.t.Context(), with+sql)
		if err != nil {
			d.t.Fatalf("%s: %v", what, err)
		}
		want, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			d.t.Fatalf("%s: %v", what, err)
		}
		if strings.Join(want, "\n") != strings.Join(program, "\n") {
			d.t.Errorf("%s of %+v\nprogram %q\nSQL     %q", what, q, program, want)
		}
	}
	expiring := map[string]int64{}
	for _, w := range got.Work {
		if w.Queue != cases.QueueTransmit {
			expiring[w.Zone+" "+w.Due] += w.N
		}
	}
	compare("expiring", `SELECT zone || ' ' || class || ' ' || count(*) FROM (SELECT zone, CASE WHEN due <= `+now+` THEN 'overdue'
			WHEN to_timestamp(due / 1e6 - 1e-6) AT TIME ZONE 'Europe/Brussels' < date_trunc('day', to_timestamp(`+now+` / 1e6) AT TIME ZONE 'Europe/Brussels') + interval '1 day' THEN 'today'
			WHEN to_timestamp(due / 1e6 - 1e-6) AT TIME ZONE 'Europe/Brussels' < date_trunc('day', to_timestamp(`+now+` / 1e6) AT TIME ZONE 'Europe/Brussels') + interval '4 days' THEN 'three_days'
			ELSE 'later' END AS class FROM queued) x GROUP BY zone, class ORDER BY zone || ' ' || class COLLATE "C"`, sorted(expiring))
	inbox := map[string]int64{}
	for part, in := range got.Inbox {
		inbox[string(part)] += in.N
		if in.N == 0 {
			delete(inbox, string(part))
		}
		sum := int64(0)
		for _, r := range in.Reasons {
			sum += r.N
		}
		if sum != in.N || int64(len(in.Rows)) != min(in.N, int64(q.Rows)) {
			d.t.Errorf("%s: %d cases, %d by reason, %d rows", part, in.N, sum, len(in.Rows))
		}
	}
	compare("inbox", `SELECT part || ' ' || count(*) FROM (SELECT unnest(array_remove(ARRAY[
			CASE WHEN present->>'state' = 'arbitration' THEN 'arbitration' END, CASE WHEN present->>'state' = 'returned' THEN 'returned' END,
			CASE WHEN present->>'state' = 'confirmed' THEN 'not_transmitted' END, CASE WHEN jsonb_array_length(coalesce(present->'incidents', '[]')) > 0 THEN 'incidents' END], NULL)) AS part FROM c) x
		GROUP BY part ORDER BY part COLLATE "C"`, sorted(inbox))
	holds := map[string]int64{}
	for _, h := range got.Holds {
		holds[h.Reason] = h.N
		if h.Ages[0]+h.Ages[1]+h.Ages[2]+h.Ages[3] != h.N {
			d.t.Errorf("%+v: the ages are not all of the holds", h)
		}
	}
	compare("holds", `SELECT present->>'hold_reason' || ' ' || count(*) FROM c WHERE present->>'state' IN ('held', 'keying') GROUP BY present->>'hold_reason' ORDER BY 1`, sorted(holds))
	hours := map[string]int64{}
	for _, h := range got.Hours {
		hours[string(h.Queue)] += h.N
	}
	compare("hours", `SELECT q || ' ' || count(*) FROM (SELECT CASE b->>'kind' WHEN 'decided' THEN 'decide' WHEN 'second_decided' THEN 'second' WHEN 'keyed' THEN 'key' WHEN 'arbitrated' THEN 'arbitration' END AS q
		FROM live WHERE (b->>'recorded_at')::bigint > `+now+` - 86400000000) x WHERE q IS NOT NULL GROUP BY q ORDER BY q COLLATE "C"`, sorted(hours))
	rules := map[string]int64{}
	for _, r := range got.Rules {
		rules[fmt.Sprintf("%s %d", r.Rule, r.Agreed)] = r.Items
	}
	compare("rules", `SELECT present->>'rule' || ' ' || count(*) FILTER (WHERE b->>'settles_to' IN ('confirmed', 'rejected')) || ' ' || count(*)
		FROM live JOIN c USING (case_id) WHERE b->>'kind' = 'second_decided' GROUP BY present->>'rule' ORDER BY 1`, sorted(rules))
	persons := map[string]int64{}
	for i, p := range got.Persons {
		persons[fmt.Sprintf("%s %d %d %d %d", p.User, p.Confirmed, p.Rejected, p.Seconds, p.First.Agreed)] = p.First.Items
		if i > 0 && got.Persons[i-1].User >= p.User {
			d.t.Errorf("persons are not in the order of their names: %s, %s", got.Persons[i-1].User, p.User)
		}
	}
	compare("persons", `SELECT u || ' ' || count(*) FILTER (WHERE k = 'decided' AND v <> 'reject') || ' ' || count(*) FILTER (WHERE k = 'decided' AND v = 'reject') || ' ' || count(*) FILTER (WHERE k = 'second_decided')
			|| ' ' || count(*) FILTER (WHERE k = 'decided' AND s IN ('confirmed', 'rejected')) || ' ' || count(*) FILTER (WHERE k = 'decided' AND s <> '')
		FROM (SELECT b->>'user' AS u, b->>'kind' AS k, b->>'verdict' AS v,
			coalesce((SELECT x.b->>'settles_to' FROM live x WHERE x.case_id = l.case_id AND x.b->>'kind' = 'second_decided'), '') AS s FROM live l WHERE b->>'kind' IN ('decided', 'second_decided', 'probe')) y
		GROUP BY u ORDER BY u`, sorted(persons))
	var due, decided int64
	for _, x := range got.DueBy {
		due += x.N
	}
	for _, x := range got.Decided {
		decided += x.N
	}
	compare("forecast", `SELECT (SELECT count(*) FROM queued) || ' ' || (SELECT count(*) FROM c WHERE present->>'state' IN ('confirmed', 'rejected', 'transmitted', 'returned', 'annulled')
		AND (to_timestamp((present->>'effective_at')::bigint / 1e6) AT TIME ZONE 'Europe/Brussels')::date IN (SELECT x::date FROM generate_series(
			(to_timestamp(`+now+` / 1e6) AT TIME ZONE 'Europe/Brussels')::date - 7, (to_timestamp(`+now+` / 1e6) AT TIME ZONE 'Europe/Brussels')::date - 1, interval '1 day') x WHERE extract(isodow FROM x) < 6))`,
		[]string{fmt.Sprintf("%d %d", due, decided)})
}

// sorted writes numbers by name, as SQL writes them.
func sorted(m map[string]int64) []string {
	out := []string{}
	for k, n := range m {
		out = append(out, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(out)
	return out
}
