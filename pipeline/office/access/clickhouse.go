package access

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/schemas"
)

// OldEntry is an entry in the old log, which ClickHouse kept until 2026-11-28. The chain has version access/1: SHA-256
// over the previous hash, "access/1", number, time and the texts in field order.
type OldEntry struct {
	Seq           uint64
	At            schemas.Micros
	User          string
	Role          string
	Zone          string
	Action        string
	Purpose       string
	Reason        string
	CaseRef       string
	ProsecutorRef string
	Query         string
	Outcome       string
	Refusal       string
	Prev, Sum     schemas.Sum
}

func (e *OldEntry) computeSum() schemas.Sum {
	b := append(make([]byte, 0, 1024), e.Prev[:]...)
	b = appendText(b, "access/1")
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At))
	for _, s := range []string{
		e.User, e.Role, e.Zone, e.Action, e.Purpose, e.Reason, e.CaseRef, e.ProsecutorRef, e.Query,
		e.Outcome, e.Refusal,
	} {
		b = appendText(b, s)
	}
	return sha256.Sum256(b)
}

// OldLog reads the old log.
type OldLog interface {
	ScanOld(ctx context.Context, from uint64, each func(*OldEntry) error) error
}

// OldLogTable reads the table access_log in the connection's database.
type OldLogTable struct{ conn driver.Conn }

var _ OldLog = (*OldLogTable)(nil)

// NewOldLogTable makes the reader. The caller closes the connection.
func NewOldLogTable(conn driver.Conn) *OldLogTable { return &OldLogTable{conn: conn} }

// logColumns are an entry's columns, in the order that scanRow reads.
var logColumns = strings.Join(schemas.ColumnNames[schemas.AccessLogRow](func(c schemas.Column) bool { return c.Insert }), ", ")

// ScanOld gives each the entries from a number on.
func (c *OldLogTable) ScanOld(ctx context.Context, from uint64, each func(*OldEntry) error) error {
	rows, err := c.conn.Query(readOnly(ctx, 5*time.Minute),
		"SELECT "+logColumns+" FROM access_log WHERE seq >= {from:UInt64} ORDER BY seq, entry_sha256", clickhouse.Named("from", from))
	if err != nil {
		return fmt.Errorf("query entries: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is checked
	var e OldEntry
	for rows.Next() {
		if err := e.scanRow(rows.Scan); err != nil {
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

func (e *OldEntry) scanRow(scan func(...any) error) error {
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

// OldVerification is the result of [VerifyOld].
type OldVerification struct {
	Entries  uint64 `json:"entries"` // all entries, good and bad
	Last     uint64 `json:"last"`
	Sum      string `json:"sha256"`
	FirstBad uint64 `json:"first_bad,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// VerifyOld recomputes the old log's chain. witnesses are heads noted elsewhere.
func VerifyOld(ctx context.Context, old OldLog, witnesses ...Head) (OldVerification, error) {
	var v OldVerification
	var head Head
	bad := func(seq uint64, problem string) {
		if v.FirstBad == 0 {
			v.FirstBad, v.Problem = seq, problem
		}
	}
	noted := map[uint64]schemas.Sum{}
	for _, w := range witnesses {
		noted[w.Seq] = w.Sum
	}
	err := old.ScanOld(ctx, 1, func(e *OldEntry) error {
		if n, ok := noted[e.Seq]; ok && n != e.Sum {
			bad(e.Seq, "its hash is not the one noted elsewhere: the chain was written anew")
		}
		delete(noted, e.Seq)
		switch want := head.Seq + 1; {
		case e.Seq < want:
			bad(e.Seq, "there are two entries of this number")
		case e.Seq > want:
			bad(want, fmt.Sprintf("the entry is missing; the next has number %d", e.Seq))
		case e.Prev != head.Sum:
			bad(e.Seq, "it does not continue the entry before it")
		case e.computeSum() != e.Sum:
			bad(e.Seq, "its content does not have its hash")
		}
		head = Head{e.Seq, e.Sum}
		v.Entries++
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("read the old access log: %w", err)
	}
	for seq := range noted {
		if seq > 0 {
			bad(head.Seq+1, fmt.Sprintf("the log ends before entry %d, which was noted: its end was cut off", seq))
		}
	}
	v.Last, v.Sum = head.Seq, fmt.Sprintf("%x", head.Sum)
	return v, nil
}

var errStop = errors.New("stop")
