package store

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// freeColumns are those that an office changes without an event: the lease, and when somebody looks at the case next.
var freeColumns = []string{
	"sweep_at", "look_at", "file_at", "pictures_at", "revive_at", "looked_versions", "look_after", "look_failures", "lease_id", "lease_user", "lease_since", "lease_until", "lease_loaded", "lease_probe",
}

// otherValues gives each type of a column another value than the one that stands there.
var otherValues = map[string]string{
	"text": "coalesce(%[1]s, '') || 'x'", "bigint": "%[1]s + 1", "integer": "%[1]s + 1", "uuid": "coalesce(gen_random_uuid(), %[1]s)", "bytea": "sha256(%[1]s)", "jsonb": "%[1]s || '{\"note\": 1}'",
	"timestamp with time zone": "coalesce(%[1]s, now()) + interval '1 hour'", "ARRAY": "%[1]s || 'x'::text",
}

func TestACaseChangesByItsEventsAlone(t *testing.T) {
	d := openDesk(t)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: cases.Draws}}
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()))
	item := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &item, confirmation())
	id := item.Case.ID
	rows, err := d.owner.Query(t.Context(), `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'cases' AND table_schema = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c [2]string, err error) { return c, row.Scan(&c[0], &c[1]) })
	if err != nil || len(columns) < 40 {
		t.Fatalf("%d columns, %v", len(columns), err)
	}
	forms := map[string]string{
		"a state with its present state": `UPDATE cases SET state = 'rejected', settles_to = NULL, present = (present || '{"state": "rejected"}') - 'settles_to'`,
		"an amount with its column":      `UPDATE cases SET amount_cents = 1, present = present || '{"amount_cents": 1}'`,
		"a plate that nobody corrected":  `UPDATE cases SET corrected = '1XYZ999', present = present || '{"corrected": {"plate": "1XYZ999", "country": "BE"}}'`,
		"who decided":                    `UPDATE cases SET first_user = 'cy', present = present || '{"first_user": "cy"}'`,
		"a later effect":                 `UPDATE cases SET effective_at = effective_at + interval '1 hour', present = present || jsonb_build_object('effective_at', (present->>'effective_at')::bigint + 3600000000)`,
		"an effect to another state":     `UPDATE cases SET state = 'confirmed', settles_to = NULL, present = (present || '{"state": "confirmed"}') - '{settles_to,before,pending}'::text[]`,
		"an effect with another amount":  `UPDATE cases SET state = 'second', settles_to = NULL, amount_cents = 1, present = (present || '{"state": "second", "amount_cents": 1}') - '{settles_to,before,pending}'::text[]`,
		"an effect that forgets":         `UPDATE cases SET state = 'second', settles_to = NULL, present = (present || '{"state": "second"}') - '{settles_to,before,pending,first}'::text[]`,
		"a version without its event":    `UPDATE cases SET version = version + 1, present = present || jsonb_build_object('version', version + 1)`,
		"a version before":               `UPDATE cases SET version = 1, present = present || '{"version": 1}'`,
		"a newer shape of another value": `UPDATE cases SET shape = shape + 1, amount_cents = 1, present = present || '{"amount_cents": 1}'`,
		"an older shape":                 `UPDATE cases SET shape = 1, present = present - 'changed_at'`,
		"whom it is not offered":         `UPDATE cases SET barred = '{an}'`,
	}
	for _, c := range columns {
		if !slices.Contains(freeColumns, c[0]) && c[0] != "shape" { // a higher shape alone leaves the row to a newer release
			forms["column "+c[0]] = "UPDATE cases SET " + c[0] + " = " + fmt.Sprintf(otherValues[c[1]], c[0])
		}
	}
	for name, sql := range forms {
		d.wantRefusedAtTheEnd(d.pool, name, sql+" WHERE case_id = $1", uuidOf(id.ID))
	}
	for _, c := range columns {
		if slices.Contains(freeColumns, c[0]) {
			if _, err := d.pool.Exec(t.Context(), "UPDATE cases SET "+c[0]+" = "+c[0]+" WHERE case_id = $1", uuidOf(id.ID)); err != nil {
				t.Errorf("an office cannot set %s: %v", c[0], err)
			}
		}
	}
	d.pass(11 * time.Second)
	d.sweep() // takes effect without an event
	if got := d.stateOf(id); got != cases.Second {
		t.Errorf("after the sweep the case is %s", got)
	}
	d.allHolds()
}

// wantRefusedAtTheEnd fails the test when the database takes a change.
func (d *desk) wantRefusedAtTheEnd(pool *pgxpool.Pool, name, sql string, args ...any) {
	d.t.Helper()
	tag, err := pool.Exec(d.t.Context(), sql, args...)
	switch {
	case err == nil:
		d.t.Errorf("%s: taken, %d rows", name, tag.RowsAffected())
	case !slices.ContainsFunc([]string{"23000", "42501", "23514", "23505", "23503", "0A000"}, func(code string) bool { return strings.Contains(err.Error(), code) }):
		d.t.Errorf("%s: %v", name, err)
	}
}

func TestNoCaseAppearsOrEndsBesideItsEvents(t *testing.T) {
	d := openDesk(t)
	id := uuidOf(twoPersons(d).ID)
	const fields = `jsonb_populate_record(c, jsonb_build_object('case_id', gen_random_uuid(), 'offence_id', gen_random_uuid()))`
	const event = `INSERT INTO case_events SELECT c.case_id, c.version + 1, gen_random_uuid(), b.kind, now(), b.user_name, '', b.body, c.head_sha256, sha256(c.head_sha256 || b.body)
		FROM cases c, LATERAL (SELECT '%s' AS kind, '%s' AS user_name, convert_to(json_build_object('case_id', c.case_id, 'n', c.version + 1, 'kind', '%[1]s', 'user', '%[2]s', 'from', c.state, 'to', '%s')::text, 'UTF8') AS body) b
		WHERE case_id = $1`
	const follow = `, u AS (UPDATE cases SET version = e.n, head_sha256 = e.sha256, %s present = present || jsonb_build_object('version', e.n, 'head', encode(e.sha256, 'hex')%s) FROM e WHERE cases.case_id = e.case_id RETURNING 1) SELECT * FROM u`
	for name, sql := range map[string]string{
		"a case without events":            "INSERT INTO cases SELECT (" + fields + ").* FROM cases c WHERE case_id = $1",
		"an event without its row":         fmt.Sprintf(event, "noted", "an", "confirmed"),
		"an event and another state":       "WITH e AS (" + fmt.Sprintf(event, "noted", "an", "confirmed") + " RETURNING *)" + fmt.Sprintf(follow, "state = 'withdrawn',", ", 'state', 'withdrawn'"),
		"a verdict under another's name":   "WITH e AS (" + fmt.Sprintf(event, "counter_decided", "cy", "second") + " RETURNING *)" + fmt.Sprintf(follow, "state = 'second',", ", 'state', 'second'"),
		"an event, the columns not":        "WITH e AS (" + fmt.Sprintf(event, "noted", "an", "confirmed") + " RETURNING *)" + fmt.Sprintf(follow, "amount_cents = 1,", ""),
		"a case that is gone":              "DELETE FROM cases WHERE case_id = $1",
		"an offence with an attempt ahead": "INSERT INTO cases SELECT (jsonb_populate_record(c, jsonb_build_object('case_id', gen_random_uuid(), 'attempt', 2))).* FROM cases c WHERE case_id = $1",
	} {
		d.wantRefusedAtTheEnd(d.owner, name, sql, id)
		d.wantRefusedAtTheEnd(d.pool, name, sql, id)
	}
	d.wantRefusedAtTheEnd(d.owner, "no cases", "TRUNCATE cases CASCADE")
	sql := "WITH e AS (" + fmt.Sprintf(event, "noted", "an", "confirmed") + " RETURNING *)" + fmt.Sprintf(follow, "", "")
	if _, err := d.pool.Exec(t.Context(), sql, id); err != nil { // the statements above fail by what is wrong in them
		t.Errorf("a row with its event: %v", err)
	}
}

func TestATableOfOnesOwnDoesNotFoolTheGuards(t *testing.T) {
	d := openDesk(t)
	id := uuidOf(twoPersons(d).ID)
	if _, err := d.pool.Exec(t.Context(), "CREATE TEMP TABLE case_events (n bigint)"); err == nil {
		t.Error("an office may make temporary tables")
	}
	tx, err := d.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	for _, sql := range []string{
		"CREATE TEMP TABLE case_events (LIKE public.case_events)", "SET LOCAL search_path = pg_temp, public",
		"INSERT INTO pg_temp.case_events SELECT case_id, version + 1, gen_random_uuid(), 'noted', now(), '', '', '{}', head_sha256, sha256(head_sha256 || '{}') FROM public.cases",
	} {
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, err = tx.Exec(t.Context(), `UPDATE public.cases c SET version = n, head_sha256 = sha256, present = present || jsonb_build_object('version', n, 'head', encode(sha256, 'hex'))
		FROM pg_temp.case_events e WHERE c.case_id = e.case_id AND c.case_id = $1`, id)
	if err == nil {
		err = tx.Commit(t.Context())
	}
	if err == nil {
		t.Error("a row follows from an event of a temporary table")
	}
}

// The function case_settles names the fields that a corrected plate replaces.
func TestTheDatabaseKnowsTheValuesThatACorrectedPlateBrings(t *testing.T) {
	d := openDesk(t)
	var source string
	if err := d.owner.QueryRow(t.Context(), "SELECT prosrc FROM pg_proc WHERE proname = 'case_settles'").Scan(&source); err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(source, "'{undecided,")
	list, _, _ = strings.Cut(list, "}")
	var want []string
	for field := range reflect.TypeFor[cases.Facts]().Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want = append(want, key)
	}
	if got := strings.Split(list, ","); !slices.Equal(got, want) {
		t.Errorf("case_settles has %v, Facts has %v: a new migration must name them", got, want)
	}
}
