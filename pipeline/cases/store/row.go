package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseRow is a case with its lease.
type caseRow struct {
	cases.Case
	lease *cases.Lease // nil = none; it may have lapsed
	shape int          // of the stored form
}

const rowColumns = "present, lease_id, lease_user, lease_since, lease_until, lease_loaded, lease_probe, CASE WHEN lease_probe THEN (SELECT clocks FROM case_leases l WHERE l.lease_id = cases.lease_id) END, shape"

// scanRow reads rowColumns.
func scanRow(row pgx.Row) (*caseRow, error) {
	var present []byte
	var id *cases.ID
	var user *string
	var since, until *time.Time
	var loaded [][]byte
	var probe *bool
	var clocks *cases.Clocks
	r := &caseRow{}
	if err := row.Scan(&present, &id, &user, &since, &until, &loaded, &probe, &clocks, &r.shape); err != nil {
		return nil, err
	}
	if err := decodeCase(present, &r.Case); err != nil {
		return nil, err
	}
	if id != nil && user != nil && since != nil && until != nil {
		r.lease = &cases.Lease{ID: *id, User: *user, Since: schemas.MicrosOf(*since), Until: schemas.MicrosOf(*until), Probe: probe != nil && *probe, Clocks: clocks}
		for _, sum := range loaded {
			r.lease.Loaded = append(r.lease.Loaded, schemas.Digest(sum))
		}
	}
	return r, nil
}

// lockCase locks the row of a case until the end of the transaction.
func lockCase(ctx context.Context, tx session, id cases.ID) (*caseRow, error) {
	r, err := scanRow(tx.QueryRow(ctx, "SELECT "+rowColumns+" FROM cases WHERE case_id = $1 FOR UPDATE", uuidOf(id.ID)))
	if err == nil {
		err = foldOlder(ctx, tx, []*caseRow{r})
	}
	return r, asNotFound(err)
}

// asNotFound says of the absence of a row that there is no such case.
func asNotFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such case"}
	}
	return err
}

// collectRows reads all rows of rowColumns.
func collectRows(rows pgx.Rows) ([]*caseRow, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*caseRow, error) { return scanRow(row) })
}

// ignoreNoRows returns nil for the error that says so.
func ignoreNoRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// errUnreadable says that the row of a case was changed by somebody else than a store.
var errUnreadable = errors.New("the row of a case is unreadable")

// decodeCase reads the present state of a case.
func decodeCase(present []byte, c *cases.Case) error {
	if err := json.Unmarshal(present, c); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return nil
}
