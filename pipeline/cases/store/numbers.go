package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// obstacleTime is how long a case waits that got no number.
const obstacleTime = 5 * schemas.Minute

// Numbered counts a round of numbers.
type Numbered struct {
	Given   int
	Waiting int // cases that something keeps from a number; [Store.Obstacles] says what
}

// NumberCases gives a number to at most limit confirmed cases that took effect and have none, the longest waiting first.
// More may wait when Given is not 0. Any office may call it: numbers of a zone and a year have no gap and are given once,
// whatever ends a transaction. A case that cannot have a number stops no other.
func (s *Store) NumberCases(ctx context.Context, limit int) (n Numbered, err error) {
	rows, err := s.pool.Query(ctx, unnumberedCases, s.shift(), limit)
	if err != nil {
		return n, safeError("find cases without a number", err)
	}
	ids, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (id cases.ID, err error) {
		err = row.Scan(&id)
		return id, err
	})
	failed := []error{safeError("find cases without a number", err)}
	for _, id := range ids {
		given, err := s.numberCase(ctx, id)
		if given {
			n.Given++
		}
		if err == nil {
			continue
		}
		if !isRowError(err) && !errors.Is(err, errNoReading) {
			failed = append(failed, err)
			break
		}
		n.Waiting++
		failed = append(failed, s.NoteObstacle(ctx, id, reasonsOf(err)...))
	}
	return n, errors.Join(failed...)
}

// unnumberedCases finds confirmed cases without a number whose vehicle's file was read, but for those that wait.
const unnumberedCases = `SELECT case_id FROM cases c WHERE state = 'confirmed' AND number = '' AND file_at IS NULL
	AND NOT EXISTS (SELECT FROM transmission_obstacles o WHERE o.case_id = c.case_id AND o.next_try_at > clock_timestamp() + $1::interval) ORDER BY effective_at, case_id LIMIT $2`

// numberCase gives a case the next number of its zone and year, in the transaction of its event. Another office may have
// been first.
func (s *Store) numberCase(ctx context.Context, id cases.ID) (given bool, err error) {
	r := &Request{Case: id, Command: cases.Number{}, By: cases.SystemActor()}
	if err = s.refreshFile(ctx, id); err != nil {
		return false, safeError("read the file of a vehicle", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		given = false
		if err := s.lockFileOf(ctx, tx, id); err != nil {
			return err
		}
		row, err := lockCase(ctx, tx, id)
		if err != nil {
			return err
		}
		m, err := s.newMoment(ctx, tx, r, row)
		if err != nil {
			return err
		}
		if row.Case.StateAt(m.Now) != cases.Confirmed || row.Case.Number != "" {
			return nil
		}
		number, err := takeNumber(ctx, tx, row.Case.Zone, m.Now)
		if err != nil {
			return err
		}
		e, err := cases.Act(&row.Case, cases.Number{Number: number}, &r.By, m)
		if err != nil {
			return err // the number goes back
		}
		if _, err = s.recordAct(ctx, tx, r, row, e); err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM transmission_obstacles WHERE case_id = $1", uuidOf(id.ID))
		}
		given = err == nil
		return err
	})
	if err != nil {
		return false, safeError("number a case", err)
	}
	return given, nil
}

// takeNumber takes the next number of a zone in the Brussels year of the instant. Its row is locked until the end of the
// transaction, after the case.
func takeNumber(ctx context.Context, tx pgx.Tx, zone string, now schemas.Micros) (string, error) {
	year, last := now.Day().Year(), int64(0)
	err := tx.QueryRow(ctx, `INSERT INTO pv_numbers AS p (zone, year, last) VALUES ($1, $2, 1) ON CONFLICT (zone, year) DO UPDATE SET last = p.last + 1 RETURNING last`, zone, year).Scan(&last)
	return cases.FormNumber(zone, year, last), err
}

// Obstacles of a case on its way to the recipient, beside the codes of refusals and of blockers.
const (
	ObstacleUnreadable = "unreadable" // the database has something of the case that no program wrote
)

// reasonsOf says by codes why an act was not done.
func reasonsOf(err error) []string {
	r, ok := errors.AsType[*cases.Refusal](err)
	switch {
	case !ok:
		return []string{ObstacleUnreadable}
	case r.Code == cases.CodeBlocked:
		return strings.Split(r.Detail, ", ")
	}
	return []string{string(r.Code)}
}

// NoteObstacle keeps why a case does not go on, for supervisors.
func (s *Store) NoteObstacle(ctx context.Context, id cases.ID, reasons ...string) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO transmission_obstacles (case_id, reasons, found_at, next_try_at)
		SELECT $1, $2, t, t + $4::interval FROM (SELECT clock_timestamp() + $3::interval AS t) AS now
		ON CONFLICT (case_id) DO UPDATE SET reasons = excluded.reasons, found_at = excluded.found_at, next_try_at = excluded.next_try_at`,
		uuidOf(id.ID), notNil(reasons), s.shift(), fmt.Sprintf("%d microseconds", obstacleTime))
	return safeError("note why a case waits", err)
}
