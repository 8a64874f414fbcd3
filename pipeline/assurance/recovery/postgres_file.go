package recovery

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// manifestName is the entry of a backup with the manifest. The other entries are tables/SCHEMA.TABLE.copy.
const manifestName = "manifest.json"

func entryName(table string) string { return "tables/" + table + ".copy" }

// BackUpPostgres writes every row of the database at the same moment to a new file. Only this user can read the file,
// because the rows hold plates. The database stays in use meanwhile; the account must read all tables.
func BackUpPostgres(ctx context.Context, p platform.Postgres, path string) (m *PostgresManifest, err error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is there already: a backup replaces none, name another file", path)
	}
	part := path + ".part" // replaces the rest of a killed backup
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("backup of PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	z := zip.NewWriter(f)
	err = inTransaction(ctx, p, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		m, err = writeTables(ctx, tx, z)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("backup of PostgreSQL to %s: %w", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return m, errors.Join(dir.Sync(), dir.Close())
}

func writeTables(ctx context.Context, tx pgx.Tx, z *zip.Writer) (*PostgresManifest, error) {
	m, err := describePostgres(ctx, tx)
	if err != nil {
		return nil, err
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		w, err := z.Create(entryName(t.Name))
		if err != nil {
			return nil, err
		}
		if t.Rows, t.SHA256, err = copyRows(ctx, tx, t, w); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	w, err := z.Create(manifestName)
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return m, err
}

// openBackup opens a backup and reads the manifest. The caller closes the backup.
func openBackup(path string) (*zip.ReadCloser, *PostgresManifest, error) {
	z, err := zip.OpenReader(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil, platform.AdviseRights(err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s is no whole backup of PostgreSQL: %w", path, err)
	}
	text, err := fs.ReadFile(z, manifestName)
	m := new(PostgresManifest)
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(m)
	}
	if err == nil && m.Form != 1 {
		err = fmt.Errorf("it has form %d, and this program reads form 1: use the program that made it", m.Form)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s is no backup of PostgreSQL that this program reads: %w", path, err), z.Close())
	}
	return z, m, nil
}

// VerifyPostgresBackup reads a whole backup and compares every table with its SHA-256, without a database.
func VerifyPostgresBackup(path string) (_ *PostgresManifest, err error) {
	z, m, err := openBackup(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	for i := range m.Tables {
		t := &m.Tables[i]
		in, err := z.Open(entryName(t.Name))
		if err != nil {
			return nil, fmt.Errorf("%s: table %s: %w", path, t.Name, err)
		}
		h := sha256.New()
		_, err = io.Copy(h, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, fmt.Errorf("%s: table %s: %w", path, t.Name, err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != t.SHA256 {
			return nil, fmt.Errorf("%s: table %s has SHA-256 %s, and the backup was made with %s: the file was changed", path, t.Name, got, t.SHA256)
		}
	}
	return m, nil
}

// RestorePostgres puts the rows of a backup into a migrated database, in a single transaction: all or nothing. Every
// table is compared with the backup before the commit. The account must own the database, and no office may be at
// work. A database with the work of an office is refused unless replace is true.
func RestorePostgres(ctx context.Context, p platform.Postgres, path string, replace bool) (_ *PostgresManifest, err error) {
	z, m, err := openBackup(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	err = inTransaction(ctx, p, pgx.TxOptions{}, func(tx pgx.Tx) error {
		now, err := describePostgres(ctx, tx)
		if err != nil {
			return err
		}
		if err := mayRestore(ctx, tx, now, m, replace); err != nil {
			return err
		}
		if err := emptyTables(ctx, tx, now); err != nil {
			return err
		}
		if err := storeTables(ctx, tx, z, m); err != nil {
			return err
		}
		return compareTables(ctx, tx, m)
	})
	if err != nil {
		return nil, fmt.Errorf("restore PostgreSQL from %s: %w", path, err)
	}
	return m, nil
}

// mayRestore refuses a database with other migrations, with an office at work, or, unless replace is true, with the
// work of an office.
func mayRestore(ctx context.Context, tx pgx.Tx, now, m *PostgresManifest, replace bool) error {
	if !slices.Equal(now.Migrations, m.Migrations) {
		return fmt.Errorf("the database has the migrations %v, the backup was made with %v: restore with the program that made the backup, then update", now.Migrations, m.Migrations)
	}
	var offices int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'anpr-office%'").Scan(&offices); err != nil {
		return err
	}
	if offices > 0 {
		return fmt.Errorf("%d connections of offices are open: stop every office first (on one machine: stop anpr up, and run anpr engine serve)", offices)
	}
	var worked bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pulse)").Scan(&worked); err != nil {
		return err
	}
	if worked && !replace {
		return errors.New("an office has worked on this database, and a restore loses what the backup lacks: back it up first, then say --replace; or restore into a new database")
	}
	return nil
}

// emptyTables removes all rows, also the rows from migrations. The triggers of append-only tables rest until
// storeTables has ended; nobody sees the tables meanwhile.
func emptyTables(ctx context.Context, tx pgx.Tx, now *PostgresManifest) error {
	for _, t := range slices.Backward(now.Tables) {
		for _, s := range []string{"ALTER TABLE " + quoteTable(t.Name) + " DISABLE TRIGGER USER", "DELETE FROM " + quoteTable(t.Name)} {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("empty table %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

func storeTables(ctx context.Context, tx pgx.Tx, z *zip.ReadCloser, m *PostgresManifest) error {
	for i := range m.Tables {
		t := &m.Tables[i]
		in, err := z.Open(entryName(t.Name))
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		_, err = tx.Conn().PgConn().CopyFrom(ctx, in, "COPY "+quoteTable(t.Name)+" ("+quoteColumns(t.Columns)+") FROM STDIN")
		if err = errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("store table %s: %w", t.Name, err)
		}
	}
	for i := range m.Tables {
		if _, err := tx.Exec(ctx, "ALTER TABLE "+quoteTable(m.Tables[i].Name)+" ENABLE TRIGGER USER"); err != nil {
			return fmt.Errorf("table %s: %w", m.Tables[i].Name, err)
		}
	}
	for _, s := range m.Sequences {
		if _, err := tx.Exec(ctx, "SELECT setval($1::regclass, $2, $3)", quoteTable(s.Name), s.Last, s.Called); err != nil {
			return fmt.Errorf("set sequence %s: %w", s.Name, err)
		}
	}
	return nil
}
