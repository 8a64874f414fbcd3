package access

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/schemas"
)

// ClickHouse keeps the entries in the table access_log of the connection's database.
type ClickHouse struct{ conn driver.Conn }

var _ Store = (*ClickHouse)(nil)

// NewClickHouse makes the store. The connection is the caller's.
func NewClickHouse(conn driver.Conn) *ClickHouse { return &ClickHouse{conn: conn} }

// logColumns are the columns of an entry, in the order in which Insert appends and scan reads them.
var logColumns = strings.Join(schemas.ColumnNames[schemas.AccessLogRow](func(c schemas.Column) bool { return c.Insert }), ", ")

// Insert writes the entries synchronously as one block and reads them back. The token of the insert holds the last entry's
// hash, and so the content of all, so a repeat of the same entries is dropped by the server, while another entry of one of
// the numbers is kept and found here as a fork.
func (c *ClickHouse) Insert(ctx context.Context, es []Entry) error {
	first, last := &es[0], &es[len(es)-1]
	wctx := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"async_insert":               0,
		"insert_deduplicate":         1,
		"insert_deduplication_token": fmt.Sprintf("access_log/%d-%d/%s", first.Seq, last.Seq, hex.EncodeToString(last.Sum[:])),
		"log_queries":                0,
	}))
	batch, err := c.conn.PrepareBatch(wctx, "INSERT INTO access_log ("+logColumns+")")
	if err != nil {
		return fmt.Errorf("prepare insert of entry %d: %w", first.Seq, err)
	}
	defer batch.Close() //nolint:errcheck // after Send it does nothing
	for i := range es {
		e := &es[i]
		if err := batch.Append(e.Seq, e.At.Time(), e.User, e.Role, e.Zone, e.Action, e.Purpose, e.Reason, e.CaseRef,
			e.ProsecutorRef, e.Query, e.Outcome, e.Refusal, e.Prev[:], e.Sum[:]); err != nil {
			return fmt.Errorf("fill insert of entry %d: %w", e.Seq, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert entries %d to %d: %w", first.Seq, last.Seq, err)
	}
	return c.readBack(ctx, es)
}

// readBack reports whether the table holds these entries from the first of their numbers on, and nothing else.
func (c *ClickHouse) readBack(ctx context.Context, es []Entry) error {
	sums := make([]string, len(es))
	for i := range es {
		sums[i] = hex.EncodeToString(es[i].Sum[:])
	}
	var all, same uint64
	row := c.conn.QueryRow(readOnly(ctx, 5*time.Second),
		"SELECT count(), countIf((seq, lower(hex(entry_sha256))) IN (SELECT {first:UInt64} + number, arrayElement({sums:Array(String)}, number + 1) FROM numbers({n:UInt64}))) FROM access_log WHERE seq >= {first:UInt64}",
		clickhouse.Named("sums", sums), clickhouse.Named("first", es[0].Seq), clickhouse.Named("n", uint64(len(es))))
	if err := row.Scan(&all, &same); err != nil {
		return fmt.Errorf("read back entry %d: %w", es[0].Seq, err)
	}
	switch n := uint64(len(es)); {
	case all > same:
		return fmt.Errorf("entry %d: %w", es[0].Seq, ErrForked)
	case same < n:
		return fmt.Errorf("read back entries %d to %d: %d of %d are there", es[0].Seq, es[len(es)-1].Seq, same, n)
	case same > n:
		return fmt.Errorf("entry %d is there twice: %w", es[0].Seq, ErrForked)
	}
	return nil
}

// Tail returns the newest entry and the number of all.
func (c *ClickHouse) Tail(ctx context.Context) (last Entry, count uint64, err error) {
	ctx = readOnly(ctx, 30*time.Second)
	if err := c.conn.QueryRow(ctx, "SELECT count() FROM access_log").Scan(&count); err != nil {
		return last, 0, fmt.Errorf("count entries: %w", err)
	}
	row := c.conn.QueryRow(ctx, "SELECT "+logColumns+" FROM access_log ORDER BY seq DESC LIMIT 1")
	if err := last.scan(row.Scan); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return last, 0, fmt.Errorf("read newest entry: %w", err)
	}
	return last, count, nil
}

// Scan streams the entries from a number on.
func (c *ClickHouse) Scan(ctx context.Context, from uint64, each func(*Entry) error) error {
	rows, err := c.conn.Query(readOnly(ctx, 5*time.Minute),
		"SELECT "+logColumns+" FROM access_log WHERE seq >= {from:UInt64} ORDER BY seq, entry_sha256", clickhouse.Named("from", from))
	if err != nil {
		return fmt.Errorf("query entries: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is checked
	var e Entry
	for rows.Next() {
		if err := e.scan(rows.Scan); err != nil {
			return fmt.Errorf("scan entry: %w", err)
		}
		if err := each(&e); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query entries: %w", err)
	}
	return nil
}

func (e *Entry) scan(scan func(...any) error) error {
	var at time.Time
	var prev, sum string
	if err := scan(&e.Seq, &at, &e.User, &e.Role, &e.Zone, &e.Action, &e.Purpose, &e.Reason, &e.CaseRef, &e.ProsecutorRef,
		&e.Query, &e.Outcome, &e.Refusal, &prev, &sum); err != nil {
		return err
	}
	e.At = schemas.Micros(at.UnixMicro())
	copy(e.Prev[:], prev)
	copy(e.Sum[:], sum)
	return nil
}

func readOnly(ctx context.Context, limit time.Duration) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"readonly": 2, "max_execution_time": int(limit.Seconds()), "log_queries": 0,
	}))
}
