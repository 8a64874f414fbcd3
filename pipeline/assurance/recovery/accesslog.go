package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// AccessLogTable holds the look-ups until 2026-11-28. No log can rebuild this table, and nothing writes to it any more.
const AccessLogTable = "access_log"

// AccessLogRestore puts the access log of a backup back.
type AccessLogRestore struct {
	ClickHouse platform.ClickHouse // with the database of the table
	Disk       string              // holds the backups
	Backup     string
	BackedUp   string // name of the database in the backup
	Replace    bool   // replace even a table with entries outside the backup; the old table is kept beside
	Logger     zerolog.Logger
}

// openAt opens connections on a database.
func (c *AccessLogRestore) openAt(database string) (driver.Conn, error) {
	at := c.ClickHouse
	at.Database = database
	return at.Open()
}

// Run replaces the table by the access log in a backup. Run first restores the backup beside the table and verifies
// the chain of the entries. A table with entries outside the backup stays, unless Replace is set; the old table is
// then kept beside.
func (c *AccessLogRestore) Run(ctx context.Context, out io.Writer) (err error) {
	conn, err := c.openAt("default")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	live, err := c.openAt(c.ClickHouse.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close()) }()
	side := c.ClickHouse.Database + "_access_log"
	if err := c.restoreBeside(ctx, conn, side); err != nil {
		return err
	}
	kept, err := c.exchangeTable(ctx, out, conn, live, side)
	if err != nil || kept {
		return err
	}
	return execSQL(ctx, conn, "DROP DATABASE "+side+" SYNC")
}

func execSQL(ctx context.Context, conn driver.Conn, sql string) error {
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// restoreBeside makes side.access_log of the backup.
func (c *AccessLogRestore) restoreBeside(ctx context.Context, conn driver.Conn, side string) error {
	for _, sql := range []string{"CREATE DATABASE IF NOT EXISTS " + side, "DROP TABLE IF EXISTS " + side + "." + AccessLogTable + " SYNC"} {
		if err := execSQL(ctx, conn, sql); err != nil {
			return err
		}
	}
	return (&BackupStore{Conn: conn, Disk: c.Disk, Database: c.ClickHouse.Database}).RestoreTable(ctx, c.Backup, c.BackedUp, AccessLogTable, side)
}

// exchangeTable replaces the table by side.access_log and reports whether the old table was kept beside.
func (c *AccessLogRestore) exchangeTable(ctx context.Context, out io.Writer, conn, live driver.Conn, side string) (kept bool, err error) {
	beside, err := c.openAt(side)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	have, err := access.VerifyOld(ctx, access.NewOldLogTable(live))
	if err != nil {
		return false, err
	}
	backup := access.NewOldLogTable(beside)
	v, err := access.VerifyOld(ctx, backup)
	if err != nil {
		return false, err
	}
	if v.FirstBad != 0 {
		return false, fmt.Errorf("the access log of backup %s does not hold from entry %d on: %s; nothing was changed, take another backup", c.Backup, v.FirstBad, v.Problem)
	}
	if have.Entries > 0 {
		last, err := access.ParseHead(have.Last, have.Sum)
		if err != nil {
			return false, err
		}
		within, err := access.VerifyOld(ctx, backup, last)
		if err != nil {
			return false, err
		}
		kept = within.FirstBad != 0
	}
	if kept && !c.Replace {
		return false, fmt.Errorf("the table holds look-ups that backup %s lacks (it ends with entry %d, the backup with %d): nothing was changed. If the table is damaged, --replace keeps it beside and puts the backup in its place",
			c.Backup, have.Last, v.Last)
	}
	aside := side + "." + fmt.Sprintf("%s_replaced_%d", AccessLogTable, time.Now().Unix())
	table := c.ClickHouse.Database + "." + AccessLogTable
	if err := execSQL(ctx, conn, "RENAME TABLE "+table+" TO "+aside+", "+side+"."+AccessLogTable+" TO "+table); err != nil {
		return false, err
	}
	_, _ = fmt.Fprintf(out, "%s is that of backup %s: %d entries, the chain holds, entry %d has %s\n", table, c.Backup, v.Entries, v.Last, v.Sum)
	if kept {
		_, _ = fmt.Fprintf(out, "the table it replaced is kept as %s: give it to the data protection officer\n", aside)
	}
	return kept, nil
}
