package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Mismatch is a case whose row or events do not hold.
type Mismatch struct {
	Case    cases.ID
	Kind    cases.IncidentKind // SealBroken or ChainBroken
	Problem string
}

// rebuildRows is the number of cases that a statement of Rebuild reads.
const rebuildRows = 500

// Rebuild folds the events of at most limit cases after an id, and compares each with its row, its columns and its
// sealed bytes. last is the id to go on after; zero = the end.
func (s *Store) Rebuild(ctx context.Context, after cases.ID, limit int) (bad []Mismatch, last cases.ID, n int, err error) {
	r, err := s.rebuild(ctx, after, limit)
	return r.bad, r.last, r.n, err
}

// rebuilt is what a part of a rebuild found.
type rebuilt struct {
	bad   []Mismatch
	older []cases.ID // rows that hold, of an older shape
	last  cases.ID   // zero = the end
	n     int
}

func (s *Store) rebuild(ctx context.Context, after cases.ID, limit int) (out rebuilt, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		for out.last = after; out.n < limit; {
			want := min(limit-out.n, rebuildRows)
			rows, err := readColumns(ctx, tx, out.last, want)
			if err != nil {
				return err
			}
			bad, err := compareRows(ctx, tx, rows)
			if err != nil {
				return err
			}
			out.bad, out.n = append(out.bad, bad...), out.n+len(rows)
			for _, r := range rows {
				if r.shape < cases.Shape && !slices.ContainsFunc(bad, func(m Mismatch) bool { return m.Case == r.id }) {
					out.older = append(out.older, r.id)
				}
			}
			if len(rows) < want {
				out.last = cases.ID{}
				return nil
			}
			out.last = rows[len(rows)-1].id
		}
		return nil
	})
	return out, safeError("rebuild cases", err)
}

// columns are what a row says beside its present state.
type columns struct {
	id                    cases.ID
	state                 string
	version               int64
	head, sealedSum       []byte
	firstUser, secondUser *string
	isReadable            bool
	shape                 int
	c                     cases.Case
}

func readColumns(ctx context.Context, tx pgx.Tx, after cases.ID, limit int) ([]*columns, error) {
	rows, err := tx.Query(ctx, `SELECT case_id, state, version, head_sha256, sha256(sealed), first_user, second_user, shape, present FROM cases WHERE case_id > $1 ORDER BY case_id LIMIT $2`,
		uuidOf(after.ID), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*columns, error) {
		r := &columns{}
		var present []byte
		if err := row.Scan(&r.id, &r.state, &r.version, &r.head, &r.sealedSum, &r.firstUser, &r.secondUser, &r.shape, &present); err != nil {
			return nil, err
		}
		r.isReadable = decodeCase(present, &r.c) == nil
		return r, nil
	})
}

func compareRows(ctx context.Context, tx pgx.Tx, rows []*columns) (bad []Mismatch, err error) {
	ids := make([][16]byte, len(rows))
	for i, r := range rows {
		ids[i] = r.id.ID
	}
	events, err := readEvents(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if kind, problem := r.compare(events[r.id]); problem != "" {
			bad = append(bad, Mismatch{Case: r.id, Kind: kind, Problem: problem})
		}
	}
	return bad, nil
}

// compare returns how the row differs from its events; "" = it follows from them.
func (r *columns) compare(found *storedEvents) (kind cases.IncidentKind, problem string) {
	c := &r.c
	switch {
	case r.shape > cases.Shape:
		return "", "" // a newer release wrote the row, and proves it
	case !r.isReadable:
		return cases.ChainBroken, "the present state is unreadable"
	case r.id != c.ID || r.state != string(c.State) || r.version != c.Version || !bytes.Equal(r.head, []byte(c.Head)) ||
		!equalText(r.firstUser, c.FirstUser) || !equalText(r.secondUser, c.SecondUser):
		return cases.ChainBroken, "the columns differ from the present state"
	case !sealDoubted(found.events) && c.Seal != schemas.Digest(r.sealedSum):
		return cases.SealBroken, "the sealed bytes are not those under the seal"
	}
	return cases.ChainBroken, compareCase(c, r.shape, found)
}

func equalText(column *string, s string) bool {
	return column == nil && s == "" || column != nil && *column == s
}

// sealDoubted reports whether the case was taken in without a seal that holds: a supervisor had it from the beginning.
func sealDoubted(events []cases.Event) bool {
	return len(events) > 0 && events[0].To == cases.Arbitration
}
