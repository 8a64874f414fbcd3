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

// logColumn is a column in look_ups and the array type for its values.
type logColumn struct{ name, array string }

// columns are in the order of [listValues] and [scanEntry].
var columns = []logColumn{
	{"seq", "bigint[]"},
	{"at", "timestamptz[]"},
	{"kind", "text[]"},
	{"user_name", "text[]"},
	{"role", "text[]"},
	{"zones", "text[]"},
	{"sign_in", "text[]"},
	{"address", "text[]"},
	{"operation", "text[]"},
	{"purpose", "text[]"},
	{"purpose_id", "text[]"},
	{"reason", "text[]"},
	{"case_ref", "text[]"},
	{"prosecutor_ref", "text[]"},
	{"asked", "text[]"},
	{"outcome", "text[]"},
	{"code", "text[]"},
	{"refusal", "text[]"},
	{"of_seq", "bigint[]"},
	{"rows_shown", "bigint[]"},
	{"plates", "bigint[]"},
	{"key_id", "text[]"},
	{"plates_sha256", "bytea[]"},
	{"pictures", "bytea[]"},
	{"took_ms", "bigint[]"},
	{"cut", "boolean[]"},
	{"body", "text[]"},
	{"prev_sha256", "bytea[]"},
	{"entry_sha256", "bytea[]"},
	{"signature", "bytea[]"},
}

var columnNames, insertEntries = describeColumns()

// describeColumns returns the column names and the statement that inserts entries, with one array a column.
func describeColumns() (names []string, insert string) {
	arrays := make([]string, len(columns))
	for i, c := range columns {
		names = append(names, c.name)
		arrays[i] = fmt.Sprintf("$%d::%s", i+1, c.array)
	}
	return names, "INSERT INTO look_ups (" + strings.Join(names, ", ") + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")"
}

func listValues(e *access.Entry) []any {
	return []any{
		int64(e.Seq), e.At.Time(), string(e.Kind), e.User, e.Role, e.Zones, e.SignIn, e.Address, e.Operation, e.Purpose, e.PurposeID, e.Reason,
		e.CaseRef, e.ProsecutorRef, e.Asked, e.Outcome, e.Code, e.Refusal, int64(e.Of), int64(e.Rows), int64(e.Plates), e.KeyID,
		replaceNil(e.PlatesSum), replaceNil(e.Pictures), int64(e.TookMS), e.Cut, e.Body, e.Prev[:], e.Sum[:], replaceNil(e.Signature),
	}
}

// replaceNil returns an empty slice for nil: the columns have no NULL.
func replaceNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// leftEnd is the log's end after the newest append by this store.
type leftEnd struct {
	end access.End
	at  time.Time // when the append ended, by this process's clock
	// alone says that no other store had appended since the append before.
	alone bool
}

// Append adds entries in one transaction. While no other office appends, one round trip is enough: seal gets the end
// that this store left, and the database checks that the log still ends there. Otherwise there are two round trips, and
// seal is called under the head's lock.
func (s *LookUps) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", hideValues(err))
	}
	defer conn.Release()
	untimed := make([]bool, len(es))
	for i, e := range es {
		untimed[i] = e.At == 0
	}
	if left := s.lastLeft(); left.alone && len(es) > 0 {
		end := left.end
		end.Now += schemas.Micros(time.Since(left.at).Microseconds())
		if seal(end) == nil {
			now, committed, err := insertExpecting(ctx, conn, end, es)
			if err == nil {
				s.noteEnd(es, now, true)
				return nil
			}
			if _, told := errors.AsType[*pgconn.PgError](err); !told || committed { // entries that were committed are not added twice
				return fmt.Errorf("append entries %d to %d: %w", es[0].Seq, es[len(es)-1].Seq, hideValues(err))
			}
			rollBack(ctx, conn)
		}
		for i, e := range es {
			if untimed[i] {
				e.At = 0
			}
		}
	}
	return s.appendLocked(ctx, conn, es, seal)
}

// The head's lock ends with a commit that does not wait for the disk. look_up_flush then waits until all earlier
// commits are durable, even where the server's or the account's commits do not wait, so that offices wait for the disk
// together. The caller hears of no entry before.
const (
	unlockEarly = "set_config('synchronous_commit', 'off', true)"
	flush       = "SELECT look_up_flush(), set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)"
)

// insertExpecting adds entries in one round trip, if the log still has this end. It returns the database's clock. After
// an error from the database the connection is still in the transaction, unless the entries were committed; then they
// may not be durable.
func insertExpecting(ctx context.Context, conn *pgxpool.Conn, end access.End, es []*access.Entry) (now time.Time, committed bool, err error) {
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	b.Queue("SELECT look_up_expect($1, $2, $3, $4), "+unlockEarly, int64(end.Head.Seq), end.Head.Sum[:], end.Signature, end.Now.Time()).
		QueryRow(func(row pgx.Row) error { return row.Scan(&now, nil) })
	queueEntries(b, es)
	b.Queue("COMMIT").Exec(func(pgconn.CommandTag) error {
		committed = true
		return nil
	})
	b.Queue(flush)
	err = conn.SendBatch(ctx, b).Close()
	return now, committed, err
}

// appendLocked adds entries in two round trips: the first locks the head, the second adds and commits.
func (s *LookUps) appendLocked(ctx context.Context, conn *pgxpool.Conn, es []*access.Entry, seal func(access.End) error) error {
	end, err := lockHead(ctx, conn)
	if err == nil {
		err = seal(end)
	}
	if err != nil || len(es) == 0 {
		rollBack(ctx, conn)
		if err == nil {
			_, err = conn.Exec(ctx, flush) // makes the end that seal saw durable
		}
		return hideValues(err)
	}
	b := &pgx.Batch{}
	queueEntries(b, es)
	b.Queue("COMMIT")
	b.Queue(flush)
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		rollBack(ctx, conn)
		return fmt.Errorf("append entries %d to %d: %w", es[0].Seq, es[len(es)-1].Seq, hideValues(err))
	}
	s.noteEnd(es, end.Now.Time(), s.lastLeft().end.Head == end.Head)
	return nil
}

// rollbackTime bounds a rollback.
const rollbackTime = 2 * time.Second

// rollBack ends the transaction, and with it the head's lock. A failed rollback closes the connection, which has the
// same effect.
func rollBack(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK")
}

func (s *LookUps) lastLeft() leftEnd {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// noteEnd stores the log's end after a commit. now is the database's clock in that transaction.
func (s *LookUps) noteEnd(es []*access.Entry, now time.Time, alone bool) {
	newest := es[len(es)-1]
	head := access.Head{Seq: newest.Seq, Sum: newest.Sum}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = leftEnd{access.End{Head: head, Newest: head, Signature: newest.Signature, Now: schemas.MicrosOf(now)}, time.Now(), alone}
}

// holdTime is how long an office may hold the head's lock between two round trips. The server then ends the session of
// an office that stands still, and with it the lock. An append takes no longer either.
var holdTime = "5s"

// lockHead begins a transaction and locks the head.
func lockHead(ctx context.Context, conn *pgxpool.Conn) (end access.End, err error) {
	var headSeq int64
	var newestSeq *int64
	var headSum, newestSum []byte
	var now time.Time
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	b.Queue("SELECT head_seq, head_sum, newest_seq, newest_sum, newest_signature, clock, "+unlockEarly+
		", set_config('idle_in_transaction_session_timeout', $1, true) FROM look_up_lock()", holdTime).QueryRow(func(row pgx.Row) error {
		return row.Scan(&headSeq, &headSum, &newestSeq, &newestSum, &end.Signature, &now, nil, nil)
	})
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return end, fmt.Errorf("lock the head: %w", hideValues(err))
	}
	end.Head.Seq, end.Now = uint64(headSeq), schemas.MicrosOf(now)
	copy(end.Head.Sum[:], headSum)
	if newestSeq != nil {
		end.Newest.Seq = uint64(*newestSeq)
		copy(end.Newest.Sum[:], newestSum)
	}
	return end, nil
}

// queueEntries adds the statements that insert entries and their plates.
func queueEntries(b *pgx.Batch, es []*access.Entry) {
	byColumn := make([]any, len(columns))
	rows := make([][]any, len(es))
	for i, e := range es {
		rows[i] = listValues(e)
	}
	for c := range columns {
		list := make([]any, len(es))
		for i := range rows {
			list[i] = rows[i][c]
		}
		byColumn[c] = list
	}
	b.Queue(insertEntries, byColumn...)
	queuePlates(b, es)
}

// queuePlates adds the statements that insert all HMACs and the plates in clear.
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
