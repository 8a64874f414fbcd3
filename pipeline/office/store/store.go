// Package store keeps the look-up log of the office in PostgreSQL.
//
// Entries of all offices are appended in one sequence under the lock of the row look_up_head. Tables and triggers refuse every change of what
// was appended; the account of the office has no right to one either.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// LookUps is the look-up log in a database. Safe for concurrent use.
type LookUps struct{ pool *pgxpool.Pool }

var _ access.Store = (*LookUps)(nil)

// New makes the store. The pool is the caller's; one of its own keeps searches from delaying the log.
func New(pool *pgxpool.Pool) *LookUps { return &LookUps{pool: pool} }

// columnNames are those of look_ups, in the order of [values] and [scanEntry].
var columnNames = []string{
	"seq", "at", "kind", "user_name", "role", "zones", "sign_in", "address", "operation", "purpose", "purpose_id", "reason", "case_ref", "prosecutor_ref", "asked",
	"outcome", "code", "refusal", "of_seq", "rows_shown", "plates", "key_id", "plates_sha256", "pictures", "took_ms", "cut", "body", "prev_sha256", "entry_sha256", "signature",
}

func values(e *access.Entry) []any {
	return []any{
		int64(e.Seq), e.At.Time(), string(e.Kind), e.User, e.Role, e.Zones, e.SignIn, e.Address, e.Operation, e.Purpose, e.PurposeID, e.Reason,
		e.CaseRef, e.ProsecutorRef, e.Asked, e.Outcome, e.Code, e.Refusal, int64(e.Of), int64(e.Rows), int64(e.Plates), e.KeyID,
		filled(e.PlatesSum), filled(e.Pictures), int64(e.TookMS), e.Cut, e.Body, e.Prev[:], e.Sum[:], filled(e.Signature),
	}
}

// filled makes an empty slice of none: the columns have no NULL.
func filled(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Append adds entries under the lock of the head, in one transaction.
func (s *LookUps) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", explain(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	end, err := lockHead(ctx, tx)
	if err != nil {
		return err
	}
	if err := seal(end); err != nil || len(es) == 0 {
		return err
	}
	if err := insert(ctx, tx, es); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", explain(err))
	}
	return nil
}

func lockHead(ctx context.Context, tx pgx.Tx) (end access.End, err error) {
	var headSeq int64
	var newestSeq *int64
	var headSum, newestSum []byte
	var now time.Time
	row := tx.QueryRow(ctx, "SELECT head_seq, head_sum, newest_seq, newest_sum, newest_signature, clock FROM look_up_lock()")
	if err := row.Scan(&headSeq, &headSum, &newestSeq, &newestSum, &end.Signature, &now); err != nil {
		return end, fmt.Errorf("lock the head: %w", explain(err))
	}
	end.Head.Seq, end.Now = uint64(headSeq), schemas.MicrosOf(now)
	copy(end.Head.Sum[:], headSum)
	if newestSeq != nil {
		end.Newest.Seq = uint64(*newestSeq)
		copy(end.Newest.Sum[:], newestSum)
	}
	return end, nil
}

// insert adds the entries and their plates.
func insert(ctx context.Context, tx pgx.Tx, es []*access.Entry) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"look_ups"}, columnNames, pgx.CopyFromSlice(len(es), func(i int) ([]any, error) { return values(es[i]), nil }))
	if err != nil {
		return fmt.Errorf("insert entries %d to %d: %w", es[0].Seq, es[len(es)-1].Seq, explain(err))
	}
	b := &pgx.Batch{}
	queuePlates(b, es)
	if b.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("insert the plates of entries %d to %d: %w", es[0].Seq, es[len(es)-1].Seq, explain(err))
	}
	return nil
}

// queuePlates adds the statements that insert the HMACs of all entries, and the plates in clear.
func queuePlates(b *pgx.Batch, es []*access.Entry) {
	type list struct {
		seqs  []int64
		keys  []string
		marks [][]byte
		clear []string
	}
	var asked, disclosed, inClear list
	for _, e := range es {
		to := &asked
		if e.Kind == access.KindDisclosed {
			to = &disclosed
		}
		for i := range e.Marks {
			to.seqs, to.keys, to.marks = append(to.seqs, int64(e.Seq)), append(to.keys, e.KeyID), append(to.marks, e.Marks[i][:])
		}
		for i := range e.Clear {
			inClear.seqs, inClear.marks, inClear.clear = append(inClear.seqs, int64(e.Seq)), append(inClear.marks, e.Clear[i].Mark[:]), append(inClear.clear, e.Clear[i].Plate)
		}
	}
	if len(asked.seqs) > 0 {
		b.Queue("INSERT INTO asked_plates (seq, key_id, plate_hmac) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])", asked.seqs, asked.keys, asked.marks)
	}
	if len(disclosed.seqs) > 0 {
		b.Queue("INSERT INTO disclosed (seq, key_id, plate_hmac) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])", disclosed.seqs, disclosed.keys, disclosed.marks)
	}
	if len(inClear.seqs) > 0 {
		b.Queue("INSERT INTO look_up_plates (seq, plate_hmac, plate) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[])", inClear.seqs, inClear.marks, inClear.clear)
	}
}

// Head returns the head that the next entry continues.
func (s *LookUps) Head(ctx context.Context) (h access.Head, err error) {
	var seq int64
	var sum []byte
	if err := s.pool.QueryRow(ctx, "SELECT seq, entry_sha256 FROM look_up_head").Scan(&seq, &sum); err != nil {
		return h, fmt.Errorf("read the head: %w", explain(err))
	}
	h.Seq = uint64(seq)
	copy(h.Sum[:], sum)
	return h, nil
}

// RegisterKey notes the id of a year's key of plates, and returns the one that was noted first.
func (s *LookUps) RegisterKey(ctx context.Context, year int, id string) (string, error) {
	b := &pgx.Batch{}
	b.Queue("INSERT INTO look_up_keys (key_id, year) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, year)
	first := ""
	b.Queue("SELECT key_id FROM look_up_keys WHERE year = $1", year).QueryRow(func(row pgx.Row) error { return row.Scan(&first) })
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return "", fmt.Errorf("note the key of plates of %d: %w", year, explain(err))
	}
	return first, nil
}

// integrity begins the codes of what the tables refuse: an entry that does not continue the log, a number that is taken.
const integrity = "23"

// explain makes of an error one that quotes no value: PostgreSQL repeats rows in details, which this leaves out.
func explain(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if strings.HasPrefix(pg.Code, integrity) {
			return fmt.Errorf("%w: PostgreSQL: %s (code %s)", access.ErrDamaged, pg.Message, pg.Code)
		}
		return fmt.Errorf("PostgreSQL: %s (code %s)", pg.Message, pg.Code)
	}
	return err
}
