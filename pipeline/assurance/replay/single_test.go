package replay_test

import (
	"errors"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// storedCase is an offence's row, as a case knows it.
type storedCase struct {
	replay.Single
	status, reason string
	amount         int64
	seal, prev     schemas.Sum
}

// storedCases reads the offences of a condition.
func (w *world) storedCases(t *testing.T, condition string) (out []storedCase) {
	t.Helper()
	rows, err := w.conn.Query(t.Context(), `SELECT toString(offence_id), toString(passage_id), toString(read_id), toUnixTimestamp64Micro(captured_at), toString(rule), toString(family),
		toString(status), toString(reason), amount_cents, seal_sha256, prev_seal_sha256 FROM offences WHERE `+condition)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c storedCase
		var offence, passage, read, rule, family, seal, prev string
		var at int64
		if err := rows.Scan(&offence, &passage, &read, &at, &rule, &family, &c.status, &c.reason, &c.amount, &seal, &prev); err != nil {
			t.Fatal(err)
		}
		parse := func(s string) schemas.ID {
			id, err := schemas.ParseID(s)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		c.Offence, c.Passage, c.Read = schemas.OffenceID{ID: parse(offence)}, schemas.PassageID{ID: parse(passage)}, schemas.ReadID{ID: parse(read)}
		c.CapturedAt, c.Rule, c.Family = schemas.Micros(at), schemas.RuleID(rule), schemas.Family(family)
		copy(c.seal[:], seal)
		copy(c.prev[:], prev)
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) decideSingle(t *testing.T, q *replay.Single) (rules.Explained, error) {
	t.Helper()
	return replay.DecideSingle(t.Context(), w.conns(t), rules.NewEngine(catalogue(t, nil), w.registry.Cameras()), w.registry, q)
}

// single decides stored offences again, each alone: every one comes out with its seal.
func (w *world) single(t *testing.T, condition string, least int) {
	t.Helper()
	all := w.storedCases(t, condition+" ORDER BY offence_id LIMIT 12 BY family, reason")
	for _, c := range all {
		d, err := w.decideSingle(t, &c.Single)
		if err != nil {
			t.Fatalf("%s of %s: %v", c.reason, c.Family, err)
		}
		if d.Offence != c.Offence || !evidence.SealsTo(&d.Decision, c.prev, c.seal) {
			t.Errorf("%s %s of %s, offence %s: decided again %s %s, offence %s, with another seal", c.status, c.reason, c.Family, c.Offence, d.Outcome, d.Reason, d.Offence)
		}
	}
	if len(all) < least {
		t.Errorf("only %d offences with %s were decided again", len(all), condition)
	}
}

// keyed gives the reading of persons: the offence is then of that vehicle, certain of its plate, and a duplicate when
// the vehicle has one of the day already.
func (w *world) keyed(t *testing.T) {
	all := w.storedCases(t, `family = 'lez' ORDER BY offence_id LIMIT 2`)
	if len(all) != 2 {
		t.Fatal("no two offences of the zone")
	}
	a, b := all[0], all[1]
	plateOf := func(c storedCase) (schemas.Plate, schemas.Country) {
		d, err := w.decideSingle(t, &c.Single)
		if err != nil {
			t.Fatal(err)
		}
		return d.On.Plate, d.On.Country
	}
	q := a.Single
	q.Plate, q.Country = plateOf(a)
	if d, err := w.decideSingle(t, &q); err != nil || d.On.Confidence != 1000 || d.Outcome == schemas.OutcomeDuplicate {
		t.Errorf("the same plate again: %s %s %v", d.Outcome, d.Reason, err)
	}
	pair := a.Single // a family that compares passages reads those of the plate from the tables; the city has no section
	pair.Rule, pair.Family, pair.Offence = rules.RuleSectionControl, "section_control", schemas.OffenceID{}
	if d, err := w.decideSingle(t, &pair); err != nil || d.Family != pair.Family || d.Outcome != schemas.OutcomeClear {
		t.Errorf("a passage of no section: %s %s %s %v", d.Family, d.Outcome, d.Reason, err)
	}
	q.Plate, q.Country = plateOf(b)
	d, err := w.decideSingle(t, &q)
	if err != nil || d.On.Plate != q.Plate || d.Offence == a.Offence {
		t.Fatalf("another vehicle: %s %s %v", d.Outcome, d.Reason, err)
	}
	if a.CapturedAt.Day() == b.CapturedAt.Day() && d.Outcome != schemas.OutcomeDuplicate {
		t.Errorf("a vehicle with an offence of the day: got %s %s, want a duplicate", d.Outcome, d.Reason)
	}
}

func (w *world) gone(t *testing.T) {
	q := w.storedCases(t, `family = 'speed' LIMIT 1`)[0].Single
	for name, change := range map[string]func(*replay.Single){
		"passage": func(q *replay.Single) { q.Passage.ID[0] ^= 1 },
		"read":    func(q *replay.Single) { q.Read.ID[0] ^= 1 },
	} {
		other := q
		change(&other)
		if d, err := w.decideSingle(t, &other); !errors.Is(err, replay.ErrNotFound) {
			t.Errorf("no such %s: got %s %v", name, d.Outcome, err)
		}
	}
	q.Rule = "no.such.rule"
	if _, err := w.decideSingle(t, &q); err == nil || errors.Is(err, replay.ErrNotFound) {
		t.Errorf("no such rule: got %v", err)
	}
}
