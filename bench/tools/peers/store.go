package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gvc-brussels/anpr/schemas"
)

// store is the harness's own access to ClickHouse, without code of the sink.
type store struct{ conn driver.Conn }

func openStore(addr, user, password string) (*store, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Username: user, Password: password}, DialTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute})
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return &store{conn}, nil
}

func (s *store) execAll(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if err := s.conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%.90s: %w", q, err)
		}
	}
	return nil
}

func (s *store) queryNumber(ctx context.Context, query string) (uint64, error) {
	var n uint64
	if err := s.conn.QueryRow(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("%.90s: %w", query, err)
	}
	return n, nil
}

// storeExpected reads a log back from the broker and stores the expected rows: table harness.log_FORM, a row an
// offset.
func (s *store) storeExpected(ctx context.Context, l *topicLog) (err error) {
	table := "harness.log_" + l.form
	if err := s.execAll(ctx, "CREATE DATABASE IF NOT EXISTS harness", "DROP TABLE IF EXISTS "+table+" SYNC",
		"CREATE TABLE "+table+" (partition Int32, offset Int64, read_id UUID, text String) ENGINE = MergeTree ORDER BY (partition, offset)"); err != nil {
		return err
	}
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+table)
	if err != nil {
		return fmt.Errorf("store what the log holds: %w", err)
	}
	err = scanTopic(ctx, l.broker.addr, schemas.TopicReads, func(r *kgo.Record) error {
		id := readID(l.form, r.Value)
		text := ""
		if id != [16]byte{} {
			text = base64.StdEncoding.EncodeToString(id[:])
		}
		return batch.Append(r.Partition, r.Offset, schemas.ID(id).String(), text)
	})
	if err != nil {
		return errors.Join(err, batch.Abort())
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("store what the log holds: %w", err)
	}
	n, err := s.queryNumber(ctx, "SELECT count() FROM "+table)
	if err == nil && n != uint64(l.count) {
		err = fmt.Errorf("%d records were produced and %d are on the log", l.count, n)
	}
	return err
}

// rowTally counts the rows that a system made from the log, independently and without FINAL.
type rowTally struct {
	Expected   uint64 `json:"expected"`
	Rows       uint64 `json:"rows"`
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	Wrong      uint64 `json:"wrong"` // rows with another id than their record
}

// countOurs compares every record of the log with the tables: exactly one row in reads, merges or rejects, under the
// same id.
func (s *store) countOurs(ctx context.Context, db, form string) (t rowTally, err error) {
	rows := fmt.Sprintf(`(SELECT kafka_partition AS partition, kafka_offset AS offset, read_id FROM %[1]s.reads
		UNION ALL SELECT kafka_partition, kafka_offset, read_id FROM %[1]s.merges
		UNION ALL SELECT kafka_partition, kafka_offset, toUUID('00000000-0000-0000-0000-000000000000') FROM %[1]s.rejects)`, db)
	log := "harness.log_" + form
	err = errors.Join(
		s.queryInto(ctx, &t.Expected, "SELECT count() FROM "+log),
		s.queryInto(ctx, &t.Rows, "SELECT count() FROM "+rows),
		s.queryInto(ctx, &t.Lost, "SELECT count() FROM "+log+" WHERE (partition, offset) NOT IN (SELECT partition, offset FROM "+rows+")"),
		s.queryInto(ctx, &t.Duplicated, "SELECT toUInt64(count() - uniqExact(partition, offset)) FROM "+rows),
		s.queryInto(ctx, &t.Wrong, "SELECT count() FROM "+rows+" AS r LEFT ANTI JOIN "+log+
			" AS l ON r.partition = l.partition AND r.offset = l.offset AND (r.read_id = l.read_id OR r.read_id = toUUID('00000000-0000-0000-0000-000000000000'))"),
	)
	return t, err
}

// countPeer compares the peer table with the log: each id must have as many rows as records. A retransmission is a
// record too, and a peer stores it. No system has to store unreadable records.
func (s *store) countPeer(ctx context.Context, db, form string) (t rowTally, err error) {
	log := "(SELECT text AS id, count() AS n FROM harness.log_" + form + " WHERE text != '' GROUP BY text)"
	rows := "(SELECT read_id AS id, count() AS n FROM " + db + ".peer_reads GROUP BY read_id)"
	err = errors.Join(
		s.queryInto(ctx, &t.Expected, "SELECT sum(n) FROM "+log),
		s.queryInto(ctx, &t.Rows, "SELECT count() FROM "+db+".peer_reads"),
		s.queryInto(ctx, &t.Lost, "SELECT sum(greatest(toInt64(l.n) - toInt64(r.n), 0))::UInt64 FROM "+log+" AS l LEFT JOIN "+rows+" AS r USING id"),
		s.queryInto(ctx, &t.Duplicated, "SELECT sum(greatest(toInt64(r.n) - toInt64(l.n), 0))::UInt64 FROM "+rows+" AS r INNER JOIN "+log+" AS l USING id"),
		s.queryInto(ctx, &t.Wrong, "SELECT sum(n) FROM "+rows+" AS r LEFT ANTI JOIN "+log+" AS l USING id"),
	)
	return t, err
}

func (s *store) queryInto(ctx context.Context, v *uint64, query string) (err error) {
	*v, err = s.queryNumber(ctx, query)
	return err
}

// rowsByTable says how many rows each table of a database has, and how many batches made them.
func (s *store) rowsByTable(ctx context.Context, db string) (map[string]uint64, error) {
	rows, err := s.conn.Query(ctx, "SELECT table, sum(rows) FROM system.parts WHERE active AND database = $1 GROUP BY table", db)
	if err != nil {
		return nil, fmt.Errorf("rows by table: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, fmt.Errorf("rows by table: %w", err)
		}
		out[name] = n
	}
	return out, rows.Err()
}

// serverCounters returns the database's own counters of time, rows and merges since the server's start.
func (s *store) serverCounters(ctx context.Context) (map[string]uint64, error) {
	rows, err := s.conn.Query(ctx, "SELECT event, value FROM system.events WHERE match(event, 'Merge|Insert|TimeMicro|Sort|Compress|Sync')")
	if err != nil {
		return nil, fmt.Errorf("counters of the database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, fmt.Errorf("counters of the database: %w", err)
		}
		out[name] = n
	}
	return out, rows.Err()
}

// queryStrings returns a query's first column.
func (s *store) queryStrings(ctx context.Context, query string) ([]string, error) {
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%.90s: %w", query, err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("%.90s: %w", query, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
