package desk

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// yearRows plans the rows of a year: how many cases of a state, and when they were captured and decided. A third waits for an
// agent, as SCREENS 5 has it (200,000 of 600,000); of the others most are handed over. 25 persons decide.
const yearRows = `CREATE TEMP TABLE year_plan ON COMMIT DROP AS
SELECT i, gen_random_uuid() AS case_id, state, state NOT IN ('open', 'held', 'keying') AS answered, zone, open, second,
	CASE WHEN open THEN clock_timestamp() - random() * interval '12 days' ELSE clock_timestamp() - interval '1 hour' - random() * interval '364 days' END AS captured_at,
	random() * interval '7 days' AS waited, 'bench-agent-' || lpad((i % 25)::text, 2, '0') AS first_user, 'bench-agent-' || lpad(((i + 7) % 25)::text, 2, '0') AS second_user
FROM (SELECT i, (ARRAY['5339', '5340', '5341', '5342', '5343', '5344'])[1 + i % 6] AS zone, r < 0.356 AS open, state, state = 'arbitration' OR state <> 'open' AND random() < 0.05 AS second FROM (
	SELECT i, r, CASE WHEN r < 0.333 THEN 'open' WHEN r < 0.340 THEN 'second' WHEN r < 0.344 THEN 'arbitration' WHEN r < 0.352 THEN 'held' WHEN r < 0.356 THEN 'keying'
		WHEN r < 0.39 THEN 'confirmed' WHEN r < 0.66 THEN 'transmitted' WHEN r < 0.665 THEN 'returned' WHEN r < 0.67 THEN 'annulled' WHEN r < 0.69 THEN 'withdrawn' WHEN r < 0.70 THEN 'expired' ELSE 'rejected' END AS state
	FROM (SELECT i, random() AS r FROM generate_series($1::bigint, $2::bigint) i) a) b) c`

// decidedAt is the moment of the first answer of a planned case: never after now.
const decidedAt = "least(p.captured_at + p.waited, clock_timestamp() - interval '1 minute')"

// yearColumns says how a column of a copied case differs from its pattern.
var yearColumns = map[string]string{
	"case_id": "p.case_id", "offence_id": "gen_random_uuid()", "zone": "p.zone", "camera": "'BRU-' || lpad((p.i % 450)::text, 4, '0')", "site": "'S-' || (p.i % 200)",
	"plate":       "'2' || chr(65 + (p.i % 26)::int) || chr(65 + (p.i / 26 % 26)::int) || chr(65 + (p.i / 676 % 26)::int) || lpad((p.i / 17576 % 1000)::text, 3, '0')",
	"captured_at": "p.captured_at", "taken_in_at": "p.captured_at + interval '1 minute'", "state": "p.state", "settles_to": "NULL", "version": "CASE WHEN p.answered THEN 3 ELSE 1 END",
	"effective_at": "CASE WHEN p.answered THEN " + decidedAt + " + interval '10 seconds' END",
	"due_at":       "CASE WHEN p.state IN ('transmitted', 'annulled', 'withdrawn', 'expired', 'rejected') THEN 'infinity' ELSE p.captured_at + interval '14 days' END",
	"corrected":    "''", "claimed": "''", "hold_reason": "CASE p.state WHEN 'held' THEN 'register_stale' WHEN 'keying' THEN 'country_unknown' ELSE '' END",
	"hold_until": "NULL", "held_since": "CASE WHEN p.state IN ('held', 'keying') THEN p.captured_at END", "number": "CASE WHEN p.state IN ('transmitted', 'returned') THEN 'GV.' || p.i ELSE '' END",
	"incidents": "0", "first_user": "CASE WHEN p.answered THEN p.first_user END", "second_user": "CASE WHEN p.answered AND p.second THEN p.second_user END", "barred": "'{}'",
	"assigned_to": "NULL", "assigned_until": "NULL", "sweep_at": "NULL", "look_at": "NULL", "revive_at": "NULL", "looked_reference": "NULL",
	"lease_id": "NULL", "lease_user": "NULL", "lease_since": "NULL", "lease_until": "NULL", "lease_loaded": "NULL", "lease_probe": "NULL",
}

// yearEvents are the events of copied cases: the intake, the first answer, the second look, and one answer in a hundred that was taken
// back. The bodies are those of the pattern with the moment, the person's answer and the case of the copy left as they are.
const yearEvents = `WITH pattern AS (
	SELECT (SELECT body FROM case_events WHERE kind = 'taken_in' LIMIT 1) AS intake,
		(SELECT body FROM case_events WHERE kind = 'decided' AND convert_from(body, 'UTF8')::jsonb->>'verdict' = 'confirm' LIMIT 1) AS yes,
		(SELECT body FROM case_events WHERE kind = 'decided' AND convert_from(body, 'UTF8')::jsonb->>'verdict' = 'reject' LIMIT 1) AS no
), list AS (
	SELECT p.case_id, 1 AS n, 'taken_in' AS kind, p.captured_at + interval '1 minute' AS at, '' AS who, t.intake AS body FROM year_plan p, pattern t
	UNION ALL SELECT p.case_id, 2, 'decided', ` + decidedAt + `, p.first_user, CASE WHEN p.state = 'rejected' THEN t.no ELSE t.yes END FROM year_plan p, pattern t WHERE p.answered
	UNION ALL SELECT p.case_id, 3, CASE WHEN p.second THEN 'second_decided' WHEN p.i % 100 = 0 THEN 'undone' ELSE 'settled' END, ` + decidedAt + ` + interval '10 seconds', CASE WHEN p.second THEN p.second_user ELSE '' END,
		CASE WHEN p.second OR p.i % 100 <> 0 THEN t.yes ELSE convert_to(jsonb_build_object('of', gen_random_uuid())::text, 'UTF8') END FROM year_plan p, pattern t WHERE p.answered
), summed AS (
	SELECT *, sha256(body) AS first, lag(body) OVER w AS b1, lag(body, 2) OVER w AS b2 FROM list WINDOW w AS (PARTITION BY case_id ORDER BY n)
), chained AS (
	SELECT *, CASE n WHEN 1 THEN ''::bytea WHEN 2 THEN sha256(b1) ELSE sha256(sha256(b2) || b1) END AS prev FROM summed
)
INSERT INTO case_events (case_id, n, event_id, kind, recorded_at, user_name, approver, body, prev_sha256, sha256)
	SELECT case_id, n, gen_random_uuid(), kind, at, who, '', body, prev, sha256(prev || body) FROM chained`

// yearAtOnce is the number of cases in one transaction.
const yearAtOnce = 25_000

// fillYear adds the cases of a year by SQL, with their events, as owner of the database: copies of an open and a decided case that are
// there, spread over states, zones, persons and days. Copies carry the JSON of their pattern, so they are for counting and
// listing; nobody can decide one.
func fillYear(ctx context.Context, owner *pgxpool.Pool, count int) error {
	rows, err := owner.Query(ctx, "SELECT attname::text FROM pg_attribute WHERE attrelid = 'cases'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
	if err != nil {
		return fmt.Errorf("read the columns of cases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read the columns of cases: %w", err)
	}
	values := make([]string, len(names))
	for i, name := range names {
		if values[i] = yearColumns[name]; values[i] == "" {
			values[i] = "t." + name
		}
	}
	copies := "INSERT INTO cases (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + ` FROM year_plan p JOIN (
		(SELECT false AS for_answered, * FROM cases WHERE version = 1 LIMIT 1) UNION ALL (SELECT true, * FROM cases WHERE first_user IS NOT NULL LIMIT 1)) t ON t.for_answered = p.answered`
	var patterns int
	if err := owner.QueryRow(ctx, "SELECT (EXISTS (SELECT FROM cases WHERE version = 1))::int + count(DISTINCT convert_from(body, 'UTF8')::jsonb->>'verdict') FROM case_events WHERE kind = 'decided'").Scan(&patterns); err != nil {
		return fmt.Errorf("look for patterns: %w", err)
	}
	if patterns < 3 {
		return errors.New("the cases of a year are copies: an open one, a confirmed one and a rejected one must be there")
	}
	for made := 0; made < count; made += yearAtOnce {
		err := pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, yearRows, made+1, min(made+yearAtOnce, count)); err != nil {
				return err
			}
			for _, sql := range []string{
				"ALTER TABLE cases DISABLE TRIGGER USER", "ALTER TABLE case_events DISABLE TRIGGER USER", copies, yearEvents,
				`INSERT INTO case_counts SELECT get_byte(uuid_send(case_id), 0), state, CASE WHEN state = 'held' THEN 'register_stale' ELSE '' END, count(*), count(*), sum(CASE WHEN answered THEN 3 ELSE 1 END)
					FROM year_plan GROUP BY 1, 2, 3`,
				"ALTER TABLE cases ENABLE TRIGGER USER", "ALTER TABLE case_events ENABLE TRIGGER USER",
			} {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("add the cases of a year from %d: %w", made, err)
		}
	}
	for _, sql := range []string{"SELECT recount_case_work()", "VACUUM ANALYZE cases", "VACUUM ANALYZE case_events", "ANALYZE case_counts", "ANALYZE case_work", "ANALYZE unsent_cases"} {
		if _, err := owner.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

const supervisor = "bench desk supervisor: protects nothing"

// supervisorLine is the user who sees the team.
func supervisorLine() string {
	return fmt.Sprintf("  - {name: bench-supervisor, role: gvc_supervisor, token_sha256: %x, valid_to: %s, appointment: {number: B-S, from: 2026-01-01}}\n",
		sha256.Sum256([]byte(supervisor)), time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
}

// The questions of a supervisor and of an agent over HTTP, with as many cases as ANPR_BENCH_CASES says: 600000 are a year of the region.
// Each sub-benchmark reports p50 and p95.
func BenchmarkAYearOfCases(b *testing.B) {
	count, err := strconv.Atoi(cmp.Or(os.Getenv("ANPR_BENCH_CASES"), "1000"))
	if err != nil {
		b.Fatal(err)
	}
	w := openWorld(b, 25, 12)
	agents := Open(Config{Office: w.url, Agents: 3, Seed: 1, UntilEmpty: true})
	agents.Run(b.Context(), Reference, time.Hour)
	agents.Close()
	w.fill(60, 4) // real ones, due first: the copies cannot be decided
	began := time.Now()
	if err := fillYear(b.Context(), w.owner, count); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d cases in %s", count, time.Since(began).Round(time.Second))
	ctx, boss, agent := b.Context(), newClient(w.url, supervisor, nil), newClient(w.url, tokenOf(20), nil)
	for _, q := range []struct {
		name string
		ask  func() error
	}{
		{"team", func() error { _, err := boss.Team(ctx, shift); return err }},
		{"figures", func() error { _, err := agent.MyFigures(ctx, shift); return err }},
		{"counts", func() error { _, err := agent.WorkCounts(ctx, shift); return err }},
		{"list", func() error { _, err := agent.Work(ctx, shift, office.WorkQuery{Queue: "decide"}); return err }},
		{"next", func() error {
			a, err := agent.Lease(ctx, shift, office.LeaseQuery{Queue: "decide", N: ahead})
			if err != nil || len(a.Items) != ahead {
				return errors.Join(err, fmt.Errorf("%d items, want %d", len(a.Items), ahead))
			}
			for i := range a.Items {
				_, gone := agent.GiveBack(ctx, shift, office.GiveBackQuery{Lease: a.Items[i].Lease.ID, As: "give_back"})
				err = errors.Join(err, gone)
			}
			return err
		}},
		{"bulk", func() error {
			var q office.BulkQuery
			q.Body.Kind, q.Body.Reason, q.Body.Text, q.Body.Filter.Zone = "withdraw", "not_provable", "how many there are, for a measurement", "5339"
			q.Key = rand.Text()
			_, err := boss.Bulk(ctx, shift, q)
			return err
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				at := time.Now()
				if err := q.ask(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
