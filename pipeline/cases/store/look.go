package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// claimTime is how long a claimed case is nobody else's to decide again.
const claimTime = time.Minute

// Look is a case that the rules must decide again. An office has it for a minute, and answers with [Store.Do],
// [cases.ReDecide] or [cases.Overtake], and the version of the case, or with [Store.PutOff] or [Store.NoteFailure]. A case
// without an answer comes again.
type Look struct {
	Case     cases.Case
	Now      schemas.Micros // the database's time of the claim, with which the rules are asked
	Failures int            // tries that failed one after the other

	versions int64 // of the last look
}

// DueHolds claims at most limit cases whose time has come by the database's clock: holds that end, and cases that two
// persons keyed. An error beside a list names cases that cannot be read; they are put off.
func (s *Store) DueHolds(ctx context.Context, limit int) ([]Look, error) {
	return s.claim(ctx, claimTime, "look_after", "look_at <= (SELECT at FROM now) AND (look_after IS NULL OR look_after <= (SELECT at FROM now)) ORDER BY look_at", limit)
}

// Page is a place among the cases of [Store.Outdated]. The zero Page is the beginning.
type Page struct {
	versions int64
	id       cases.ID
}

// Outdated claims at most limit cases at which nobody has looked under the versions of an ordinal of
// [Store.AdoptVersions], while these are the newest: cases that wait for the rules or for a first verdict, and cases with a
// verdict that were captured less than verdictTime ago. next is where to go on; the zero Page at the end. For the error,
// see [Store.DueHolds].
func (s *Store) Outdated(ctx context.Context, versions int64, from Page, verdictTime time.Duration, limit int) (list []Look, next Page, err error) {
	// The states stand in the text as in the index cases_look_versions, so that the index serves every plan.
	list, err = s.claim(ctx, claimTime, "look_after", `state IN ('held', 'keying', 'open', 'second', 'arbitration', 'confirmed', 'returned')
		AND looked_versions < $4 AND $4 = (SELECT max(ordinal) FROM case_versions) AND (looked_versions, case_id) > ($5, $6::uuid)
		AND (state IN ('held', 'keying', 'open') OR captured_at > (SELECT at FROM now) - $7::interval) AND NOT present ? 'hold_by_hand'
		AND (look_after IS NULL OR look_after <= (SELECT at FROM now)) ORDER BY looked_versions, case_id`, limit, versions, from.versions, uuidOf(from.id.ID), verdictTime)
	if len(list) < limit {
		return list, Page{}, err
	}
	for i := range list {
		l := &list[i]
		if l.versions > next.versions || l.versions == next.versions && bytes.Compare(l.Case.ID.ID[:], next.id.ID[:]) > 0 {
			next = Page{l.versions, l.Case.ID}
		}
	}
	return list, next, err
}

// claim moves a time of at most limit cases by span, so that nobody else gets them meanwhile. cond selects and orders them;
// its own arguments begin with $4.
func (s *Store) claim(ctx context.Context, span time.Duration, column, cond string, limit int, args ...any) ([]Look, error) {
	rows, err := s.pool.Query(ctx, `WITH now AS MATERIALIZED (SELECT clock_timestamp() + $1::interval AS at),
		due AS MATERIALIZED (SELECT case_id FROM cases WHERE `+cond+` LIMIT $2 FOR UPDATE SKIP LOCKED)
		UPDATE cases c SET `+column+` = now.at + $3::interval FROM due, now WHERE c.case_id = due.case_id
		RETURNING c.case_id, c.present, c.look_failures, c.looked_versions, now.at`, append([]any{s.shift(), limit, span}, args...)...)
	if err != nil {
		return nil, safeError("claim cases", err)
	}
	type damaged struct {
		id  cases.ID
		err error
	}
	var bad []damaged
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Look, err error) {
		var id cases.ID
		var present []byte
		var at time.Time
		if err = row.Scan(&id, &present, &l.Failures, &l.versions, &at); err != nil {
			return l, err
		}
		l.Now = schemas.MicrosOf(at)
		if err := decodeCase(present, &l.Case); err != nil {
			bad = append(bad, damaged{id, err})
		}
		return l, nil
	})
	if err != nil {
		return nil, safeError("claim cases", err)
	}
	readable := out[:0]
	for _, l := range out {
		if !l.Case.ID.IsZero() {
			readable = append(readable, l)
		}
	}
	var errs []error
	for _, d := range bad {
		_, err := s.NoteFailure(ctx, d.id)
		errs = append(errs, fmt.Errorf("case %s: %w", d.id, d.err), err)
	}
	return readable, errors.Join(errs...)
}

// PutOff gives claimed cases back: anybody may claim them after the wait. Nothing failed.
func (s *Store) PutOff(ctx context.Context, ids []cases.ID, wait time.Duration) error {
	list := make([][16]byte, len(ids))
	for i := range ids {
		list[i] = ids[i].ID
	}
	_, err := s.pool.Exec(ctx, "UPDATE cases SET look_after = clock_timestamp() + $2::interval + $3::interval WHERE case_id = ANY ($1)", list, s.shift(), wait)
	return safeError("put cases off", err)
}

// NoteFailure puts off a case whose decision failed: for a minute, for twice as long after each further failure, for an hour
// at most. It returns how many tries failed one after the other.
func (s *Store) NoteFailure(ctx context.Context, id cases.ID) (failures int, err error) {
	err = s.pool.QueryRow(ctx, `UPDATE cases SET look_failures = look_failures + 1,
		look_after = clock_timestamp() + $2::interval + least(interval '1 minute' * 2 ^ least(look_failures, 10), interval '1 hour') WHERE case_id = $1 RETURNING look_failures`,
		uuidOf(id.ID), s.shift()).Scan(&failures)
	return failures, safeError("put a case off", err)
}

// FailingFrom is the number of failures from which a case counts as failing.
const FailingFrom = 3

// CountFailing returns the number of cases that the rules could not decide again [FailingFrom] times or more.
func (s *Store) CountFailing(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM cases WHERE look_failures > 0 AND look_failures >= $1", FailingFrom).Scan(&n)
	return n, safeError("count failing cases", err)
}

// IsOfOneCase reports whether the error of an act is of its case alone, so that other cases can be written.
func IsOfOneCase(err error) bool { return isRowError(err) }

// Now returns the database's time, by which every clock of a case runs.
func (s *Store) Now(ctx context.Context) (schemas.Micros, error) {
	now, err := s.readClock(ctx, s.pool)
	return now, safeError("read the clock", err)
}

// AdoptVersions notes that an office decides under a catalogue and reference data, and returns their ordinal. asOf says up
// to when each copy is complete. 0 = the copies are older than those of the newest versions: nothing is decided again under
// them, because an older copy says nothing about what a newer one showed. Versions that differ otherwise count as newer
// when they are adopted later.
func (s *Store) AdoptVersions(ctx context.Context, catalogue, reference string, asOf map[string]schemas.Micros) (ordinal int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('versions of cases', 0))"); err != nil {
			return err
		}
		var c, r string
		newest := map[string]schemas.Micros{}
		err := tx.QueryRow(ctx, "SELECT ordinal, catalogue, reference, as_of FROM case_versions ORDER BY ordinal DESC LIMIT 1").Scan(&ordinal, &c, &r, &newest)
		switch {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return err
		case err == nil && c == catalogue && r == reference:
			return nil
		case areOlder(asOf, newest):
			ordinal = 0
			return nil
		}
		return tx.QueryRow(ctx, "INSERT INTO case_versions (catalogue, reference, as_of) VALUES ($1, $2, $3) RETURNING ordinal", catalogue, reference, asOf).Scan(&ordinal)
	})
	if err != nil {
		return 0, safeError("adopt versions", err)
	}
	return ordinal, nil
}

// areOlder reports whether a copy of a is older than that of b, and none is newer.
func areOlder(a, b map[string]schemas.Micros) (older bool) {
	for name, at := range a {
		other, ok := b[name]
		if ok && at > other {
			return false
		}
		older = older || ok && at < other
	}
	return older
}

// noteLook is the part of an UPDATE of cases that notes an answer under the catalogue $2 and the reference data $3.
const noteLook = "look_after = NULL, look_failures = 0, looked_versions = " + versionsOfPair

// versionsOfPair selects the ordinal of the catalogue $2 and the reference data $3.
const versionsOfPair = "(SELECT coalesce(max(ordinal), 0) FROM case_versions WHERE catalogue = $2 AND reference = $3)"

// answerOf returns the answer of the rules that a command records.
func answerOf(cmd cases.Command) (*cases.Answer, bool) {
	switch x := cmd.(type) {
	case cases.ReDecide:
		return &x.Answer, true
	case cases.Overtake:
		return &x.Answer, true
	default:
		return nil, false
	}
}
