package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// accessLogTable is what --only may name: the one table that is not made from the log.
const accessLogTable = "access_log"

// restoreAccessLog puts the access log of a backup in the place of the table, while no office writes it. The backup is restored beside the
// table and its chain verified first. A table with entries that the backup lacks stays, unless --replace is given; then it is kept beside.
func (c *restoreCmd) restoreAccessLog(ctx context.Context, out io.Writer, log zerolog.Logger) (err error) {
	conn, err := c.openAt("default", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	live, err := c.openAt(c.ClickhouseDatabase, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close()) }()
	lease := access.NewLease(live, access.LeaseTimes{}, log)
	if err := lease.Acquire(ctx); err != nil {
		return fmt.Errorf("the access log has a writer: %w; stop the office first (on one machine anpr up)", err)
	}
	keeping, release := context.WithCancel(context.WithoutCancel(ctx))
	released := make(chan struct{})
	go func() {
		defer close(released)
		lease.Keep(keeping) // and give it up at the end
	}()
	defer func() { release(); <-released }()

	side := c.ClickhouseDatabase + "_access_log"
	if err := c.restoreBeside(ctx, conn, side); err != nil {
		return err
	}
	kept, err := c.exchange(ctx, out, conn, live, side, log)
	if err != nil || kept {
		return err
	}
	return execSQL(ctx, conn, "DROP DATABASE "+side+" SYNC")
}

func (c *restoreCmd) openAt(database string, log zerolog.Logger) (driver.Conn, error) {
	cfg, err := c.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	cfg.Database = database
	return cfg.Open()
}

func execSQL(ctx context.Context, conn driver.Conn, sql string) error {
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// restoreBeside makes side.access_log of the backup.
func (c *restoreCmd) restoreBeside(ctx context.Context, conn driver.Conn, side string) error {
	for _, sql := range []string{"CREATE DATABASE IF NOT EXISTS " + side, "DROP TABLE IF EXISTS " + side + "." + accessLogTable + " SYNC"} {
		if err := execSQL(ctx, conn, sql); err != nil {
			return err
		}
	}
	return c.backups(conn).RestoreTable(ctx, c.FromBackup, c.BackedUp, accessLogTable, side)
}

// exchange puts side.access_log in the place of the table and reports whether the table it replaced was kept beside.
func (c *restoreCmd) exchange(ctx context.Context, out io.Writer, conn, live driver.Conn, side string, log zerolog.Logger) (kept bool, err error) {
	beside, err := c.openAt(side, log)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	last, n, err := access.NewClickHouse(live).Tail(ctx)
	if err != nil {
		return false, err
	}
	v, err := access.VerifyStore(ctx, access.NewClickHouse(beside))
	if err != nil {
		return false, err
	}
	if !v.OK() {
		return false, fmt.Errorf("the access log of backup %s does not hold from entry %d on: %s; nothing was changed, take another backup", c.FromBackup, v.FirstBad, v.Problem)
	}
	if n > 0 {
		within, err := access.VerifyStore(ctx, access.NewClickHouse(beside), access.Head{Seq: last.Seq, Sum: last.Sum})
		if err != nil {
			return false, err
		}
		kept = !within.OK()
	}
	if kept && !c.Replace {
		return false, fmt.Errorf("the table holds look-ups that backup %s lacks (it ends with entry %d, the backup with %d): nothing was changed. If the table is damaged, --replace keeps it beside and puts the backup in its place",
			c.FromBackup, last.Seq, v.Head.Seq)
	}
	aside := side + "." + fmt.Sprintf("%s_replaced_%d", accessLogTable, time.Now().Unix())
	table := c.ClickhouseDatabase + "." + accessLogTable
	if err := execSQL(ctx, conn, "RENAME TABLE "+table+" TO "+aside+", "+side+"."+accessLogTable+" TO "+table); err != nil {
		return false, err
	}
	_, _ = fmt.Fprintf(out, "%s is that of backup %s: %d entries, the chain holds, entry %d has %x\n", table, c.FromBackup, v.Entries, v.Head.Seq, v.Head.Sum)
	if kept {
		_, _ = fmt.Fprintf(out, "the table it replaced is kept as %s: give it to the data protection officer\n", aside)
	}
	return kept, nil
}
