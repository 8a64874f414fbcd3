package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Agreement is how often a second person agreed, of the items at which one looked.
type Agreement struct {
	Rule   schemas.RuleID // "" of a person
	Items  int64
	Agreed int64
}

// PersonFigures are the figures of one person over four weeks, with the numbers of items. They are no ranking: persons come
// in the order of their names.
type PersonFigures struct {
	User      string
	Confirmed int64     // first answers that said yes, also with a corrected plate; one that was taken back is none
	Rejected  int64     // first answers that said no
	Seconds   int64     // second looks that the person gave
	Keyed     int64     // plates that the person keyed
	First     Agreement // second looks of others at the person's first answers
	Known     KnownFigures
}

// KnownFigures are the answers of a person to known answers.
type KnownFigures struct {
	Items  int64 // answered with a verdict
	Agreed int64 // as the two persons had answered
	Passed int64 // held, flagged or skipped
}

// secondLooks selects the second looks since $1 that took effect by $2, with the rule, who was first, and whether both agreed. An
// answer that was taken back is none.
const secondLooks = `SELECT c.present->>'rule' AS rule, f.user_name AS first_user, b.body->>'settles_to' <> 'arbitration' AS agreed
	FROM case_events e JOIN cases c USING (case_id) CROSS JOIN LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb AS body) b
	CROSS JOIN LATERAL (SELECT user_name FROM case_events f WHERE f.case_id = e.case_id AND f.n < e.n AND f.kind IN ('decided', 'counter_decided') ORDER BY n DESC LIMIT 1) f`

func secondLooksSince(t *Team, q *TeamQuery, user string) (sql string, args []any) {
	w := &where{args: []any{(t.Now - schemas.Span(FiguresTime)).Time(), int64(t.Now)}}
	w.conds = append(w.conds, "e.kind = 'second_decided'", "e.recorded_at >= $1", "(b.body->>'effective_at')::bigint <= $2", "e.event_id NOT IN ("+takenBack+")")
	eventsBound(q, w)
	if user != "" {
		w.add("f.user_name = ?", user)
	}
	return secondLooks + w.sql(), w.args
}

// readAgreement counts second looks by rule.
func readAgreement(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	sql, args := secondLooksSince(t, q, "")
	rows, err := tx.Query(ctx, "SELECT rule, count(*), count(*) FILTER (WHERE agreed) FROM ("+sql+") s GROUP BY 1 ORDER BY 1", args...)
	if err != nil {
		return err
	}
	t.Rules, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Agreement, err error) {
		var rule string
		err = row.Scan(&rule, &a.Items, &a.Agreed)
		a.Rule = schemas.RuleID(rule)
		return a, err
	})
	return err
}

func readPersons(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) (err error) {
	t.Persons, err = readFigures(ctx, tx, t, q, "")
	return err
}

// MyFigures returns the figures of one person over all that the person decided in four weeks, in one snapshot.
func (s *Store) MyFigures(ctx context.Context, user string) (out PersonFigures, now schemas.Micros, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		if now, err = s.readClock(ctx, tx); err != nil {
			return err
		}
		list, err := readFigures(ctx, tx, &Team{Now: now}, &TeamQuery{}, user)
		if out = (PersonFigures{User: user}); len(list) > 0 {
			out = list[0]
		}
		return err
	})
	return out, now, safeError("read the figures of a person", err)
}

// readFigures reads the figures of all persons, or of one, in the order of names.
func readFigures(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery, user string) ([]PersonFigures, error) {
	by := map[string]*PersonFigures{}
	var names []string
	of := func(name string) *PersonFigures {
		if by[name] == nil {
			by[name] = &PersonFigures{User: name}
			names = append(names, name)
		}
		return by[name]
	}
	if err := countAnswers(ctx, tx, t, q, user, of); err != nil {
		return nil, err
	}
	sql, args := secondLooksSince(t, q, user)
	rows, err := tx.Query(ctx, "SELECT first_user, count(*), count(*) FILTER (WHERE agreed) FROM ("+sql+") s GROUP BY 1", args...)
	if err != nil {
		return nil, err
	}
	var name string
	var items, agreed int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &items, &agreed}, func() error {
		of(name).First = Agreement{Items: items, Agreed: agreed}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := compareKnown(ctx, tx, t, q, user, of); err != nil {
		return nil, err
	}
	return inOrderOfNames(names, by), nil
}

// countAnswers counts the answers of persons by what they said. Who may see everything reads two indexes and no event: the answers by
// kind, and again those that said no.
func countAnswers(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery, user string, of func(string) *PersonFigures) error {
	since := (t.Now - schemas.Span(FiguresTime)).Time()
	count := func(cond, kind string, add func(p *PersonFigures, kind string, n int64)) error {
		sql, args := answersStatement(since, cond, kind, q, user)
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var name, said string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&name, &said, &n}, func() error {
			add(of(name), said, n)
			return nil
		})
		return err
	}
	err := count(answered, "e.kind", func(p *PersonFigures, kind string, n int64) {
		switch cases.EventKind(kind) {
		case cases.SecondDecided:
			p.Seconds += n
		case cases.KeyedPlate:
			p.Keyed += n
		default:
			p.Confirmed += n
		}
	})
	if err != nil {
		return err
	}
	return count(answeredNo, "''", func(p *PersonFigures, _ string, n int64) { p.Confirmed, p.Rejected = p.Confirmed-n, p.Rejected+n })
}

// Answers that count for a person, and those of them that said no. They name the conditions of their indexes.
const (
	answered   = "e.kind IN ('decided', 'second_decided', 'keyed')"
	answeredNo = `e.kind = 'decided' AND position('"verdict":"reject"'::bytea IN e.body) > 0`
)

// answersStatement counts answers since an instant by person and kind.
func answersStatement(since time.Time, cond, kind string, q *TeamQuery, user string) (sql string, args []any) {
	w := &where{args: []any{since}}
	w.conds = append(w.conds, cond, "e.recorded_at >= $1", "e.event_id NOT IN ("+takenBack+")")
	eventsBound(q, w)
	if user != "" {
		w.add("e.user_name = ?", user)
	}
	return "SELECT e.user_name, " + kind + ", count(*) FROM case_events e" + joinCases(q) + w.sql() + " GROUP BY 1, 2", w.args
}

// joinCases joins events with their cases where the figures are of some zones or regimes alone.
func joinCases(q *TeamQuery) string {
	if len(q.Zones) == 0 && len(q.Regimes) == 0 {
		return ""
	}
	return " JOIN cases c USING (case_id)"
}

// compareKnown compares the answers to known answers with what the two persons had said.
func compareKnown(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery, user string, of func(string) *PersonFigures) error {
	w := &where{args: []any{(t.Now - schemas.Span(FiguresTime)).Time()}}
	w.conds = append(w.conds, "e.kind = 'probe'", "e.recorded_at >= $1", `NOT EXISTS (SELECT FROM case_events u WHERE u.case_id = e.case_id AND u.n > e.n AND u.kind = 'probe'
		AND convert_from(u.body, 'UTF8')::jsonb->>'of' = e.event_id::text)`, "NOT convert_from(e.body, 'UTF8')::jsonb ? 'of'")
	eventsBound(q, w)
	if user != "" {
		w.add("e.user_name = ?", user)
	}
	rows, err := tx.Query(ctx, "SELECT e.user_name, e.body, c.present->'second' FROM case_events e JOIN cases c USING (case_id)"+w.sql(), w.args...)
	if err != nil {
		return err
	}
	var name string
	var body, second []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &body, &second}, func() error {
		var e cases.Event
		var known *cases.Verdict
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		if len(second) > 0 {
			if err := json.Unmarshal(second, &known); err != nil {
				return err
			}
		}
		switch p := of(name); {
		case e.Verdict == "":
			p.Known.Passed++
		case known != nil:
			p.Known.Items++
			if cases.Agree(known, e.AnsweredVerdict()) {
				p.Known.Agreed++
			}
		}
		return nil
	})
	return err
}

func inOrderOfNames(names []string, by map[string]*PersonFigures) []PersonFigures {
	slices.Sort(names)
	out := make([]PersonFigures, len(names))
	for i, name := range names {
		out[i] = *by[name]
	}
	return out
}
