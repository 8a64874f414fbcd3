package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// PostgresManifest lists the contents of a backup of PostgreSQL. A backup is a copy of all rows at the same moment.
// The tables come from the migrations of the program that made the backup.
type PostgresManifest struct {
	Form       int                `json:"form"`    // version of the backup's form; 1
	Taken      time.Time          `json:"taken"`   // clock of the server
	Server     string             `json:"server"`  // version of PostgreSQL
	Migrations []int64            `json:"applied"` // numbers
	Tables     []PostgresTable    `json:"tables"`  // a table comes after the tables to which its rows refer
	Sequences  []PostgresSequence `json:"sequences"`
}

// PostgresTable is a table of a backup.
type PostgresTable struct {
	Name    string   `json:"name"` // schema.table
	Columns []string `json:"columns"`
	Key     []string `json:"key"` // columns of the primary key; all columns without a key
	Rows    int64    `json:"rows"`
	SHA256  string   `json:"sha256"` // over the rows in key order, in COPY's text form
}

// PostgresSequence is a sequence of a backup.
type PostgresSequence struct {
	Name   string `json:"name"`
	Last   int64  `json:"last"`
	Called bool   `json:"called"` // the next number is Last + 1; otherwise Last
}

// Rows returns the number of rows in all tables.
func (m *PostgresManifest) Rows() (n int64) {
	for i := range m.Tables {
		n += m.Tables[i].Rows
	}
	return n
}

// notCopied is the table that the migrations fill. A restore compares the migrations instead of copying rows.
const notCopied = "public.goose_db_version"

// quoteTable puts schema and table into quotes.
func quoteTable(name string) string {
	schema, table, _ := strings.Cut(name, ".")
	return pgx.Identifier{schema, table}.Sanitize()
}

func quoteColumns(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = pgx.Identifier{n}.Sanitize()
	}
	return strings.Join(out, ", ")
}

// copyRows writes the rows of a table in key order, in COPY's text form, and returns number and SHA-256.
func copyRows(ctx context.Context, tx pgx.Tx, t *PostgresTable, w io.Writer) (rows int64, sum string, err error) {
	h := sha256.New()
	tag, err := tx.Conn().PgConn().CopyTo(ctx, io.MultiWriter(w, h),
		"COPY (SELECT "+quoteColumns(t.Columns)+" FROM "+quoteTable(t.Name)+" ORDER BY "+quoteColumns(t.Key)+") TO STDOUT")
	if err != nil {
		return 0, "", fmt.Errorf("copy table %s: %w", t.Name, err)
	}
	return tag.RowsAffected(), hex.EncodeToString(h.Sum(nil)), nil
}

// describePostgres lists migrations, tables and sequences as the transaction sees them, without rows.
func describePostgres(ctx context.Context, tx pgx.Tx) (*PostgresManifest, error) {
	m := &PostgresManifest{Form: 1}
	err := tx.QueryRow(ctx, "SELECT clock_timestamp(), current_setting('server_version')").Scan(&m.Taken, &m.Server)
	if err != nil {
		return nil, err
	}
	m.Taken = m.Taken.UTC()
	if m.Migrations, err = queryAll(ctx, tx, pgx.RowTo[int64],
		"SELECT version_id FROM goose_db_version WHERE version_id > 0 AND is_applied ORDER BY version_id"); err != nil {
		return nil, fmt.Errorf("ask for the migrations: %w", err)
	}
	tables, err := queryAll(ctx, tx, pgx.RowToStructByPos[tableRow], tablesQuery)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	refers, err := queryAll(ctx, tx, pgx.RowToStructByPos[reference], referencesQuery)
	if err != nil {
		return nil, fmt.Errorf("list references of tables: %w", err)
	}
	if m.Tables, err = orderTables(tables, refers); err != nil {
		return nil, err
	}
	names, err := queryAll(ctx, tx, pgx.RowTo[string], "SELECT schemaname || '.' || sequencename FROM pg_sequences WHERE schemaname NOT LIKE 'pg\\_%' AND sequencename NOT LIKE 'goose\\_%' ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("list sequences: %w", err)
	}
	for _, n := range names {
		s := PostgresSequence{Name: n}
		if err := tx.QueryRow(ctx, "SELECT last_value, is_called FROM "+quoteTable(n)).Scan(&s.Last, &s.Called); err != nil {
			return nil, fmt.Errorf("ask for sequence %s: %w", n, err)
		}
		m.Sequences = append(m.Sequences, s)
	}
	return m, nil
}

// Logged tables with rows of their own or of their partitions. Generated columns are computed anew.
const tablesQuery = `
SELECT n.nspname || '.' || c.relname,
  (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
  (SELECT coalesce(array_agg(a.attname::text ORDER BY k.n), '{}') FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, n)
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY 1`

const referencesQuery = `
SELECT f.nspname || '.' || c.relname, t.nspname || '.' || r.relname
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace f ON f.oid = c.relnamespace
  JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace t ON t.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conrelid <> k.confrelid`

type tableRow struct {
	Name         string
	Columns, Key []string
}

// reference is a foreign key.
type reference struct{ From, To string }

// orderTables puts a table after the tables to which its rows refer.
func orderTables(tables []tableRow, refers []reference) (out []PostgresTable, err error) {
	waits := slices.DeleteFunc(slices.Clone(tables), func(t tableRow) bool { return t.Name == notCopied })
	for len(waits) > 0 {
		i := slices.IndexFunc(waits, func(t tableRow) bool {
			return !slices.ContainsFunc(refers, func(r reference) bool {
				return r.From == t.Name && slices.ContainsFunc(waits, func(w tableRow) bool { return w.Name == r.To })
			})
		})
		if i < 0 {
			return nil, fmt.Errorf("tables refer to each other in a circle, %s among them: their rows cannot be stored one table after another", waits[0].Name)
		}
		t := PostgresTable{Name: waits[i].Name, Columns: waits[i].Columns, Key: waits[i].Key}
		if len(t.Key) == 0 {
			t.Key = t.Columns
		}
		out, waits = append(out, t), slices.Delete(waits, i, i+1)
	}
	return out, nil
}

func queryAll[T any](ctx context.Context, tx pgx.Tx, read pgx.RowToFunc[T], query string) ([]T, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, read)
}

// ComparePostgres reads every row of a database. The error names each table that differs from the backup.
func ComparePostgres(ctx context.Context, p platform.Postgres, m *PostgresManifest) error {
	return inTransaction(ctx, p, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return compareTables(ctx, tx, m)
	})
}

func compareTables(ctx context.Context, tx pgx.Tx, m *PostgresManifest) error {
	var errs []error
	for i := range m.Tables {
		t := &m.Tables[i]
		rows, sum, err := copyRows(ctx, tx, t, io.Discard)
		if err != nil {
			return err
		}
		if rows != t.Rows || sum != t.SHA256 {
			errs = append(errs, fmt.Errorf("table %s: %d rows, SHA-256 %s; the backup has %d, %s", t.Name, rows, sum, t.Rows, t.SHA256))
		}
	}
	return errors.Join(errs...)
}

// inTransaction runs do in a transaction on a new connection, and commits when do returns nil.
func inTransaction(ctx context.Context, p platform.Postgres, o pgx.TxOptions, do func(pgx.Tx) error) error {
	pool, err := p.Open(ctx, "backup", 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	tx, err := pool.BeginTx(ctx, o)
	if err != nil {
		return p.Explain(err)
	}
	// A backup may take long: the server must not end the transaction between two tables.
	if _, err = tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err == nil {
		err = do(tx)
	}
	if err != nil {
		return errors.Join(p.Explain(err), tx.Rollback(context.WithoutCancel(ctx)))
	}
	return p.Explain(tx.Commit(ctx))
}
