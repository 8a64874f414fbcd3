package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// postgresCmd groups what is done with PostgreSQL as a whole.
type postgresCmd struct {
	Backup  postgresBackupCmd  `cmd:"" help:"Write every row, as of one moment, to a new file, while everything runs. The file holds plates."`
	Restore postgresRestoreCmd `cmd:"" help:"Put the rows of a backup into the database, all or none, and compare them with the backup. Every office must be stopped."`
	Verify  postgresVerifyCmd  `cmd:"" help:"Compare a backup with its checksums, without a database."`
}

type postgresBackupCmd struct {
	flags.DataFlags
	flags.PostgresFlags
	File string `arg:"" help:"The new file, best on another disk or machine." type:"path"`
}

// Run makes a backup as the account of backups.
func (c *postgresBackupCmd) Run(ctx context.Context) error {
	p, err := c.FindPostgres(&c.DataFlags, embedded.PostgresBackup)
	if err != nil {
		return err
	}
	began := time.Now()
	m, err := recovery.BackUpPostgres(ctx, p, c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d rows of %d tables as of %s, in %s\n", c.File, m.Rows(), len(m.Tables), m.Taken.Format(time.RFC3339), time.Since(began).Round(time.Millisecond))
	return nil
}

type postgresRestoreCmd struct {
	flags.DataFlags
	flags.PostgresFlags
	File    string `arg:"" help:"A file of anpr postgres backup." type:"path"`
	Replace bool   `help:"Replace what an office has recorded since the backup. Back it up first."`
}

// Run makes the tables and restores as the owner of the database.
func (c *postgresRestoreCmd) Run(ctx context.Context, log zerolog.Logger) error {
	p, err := c.FindPostgres(&c.DataFlags, embedded.PostgresMigrator)
	if err != nil {
		return err
	}
	if _, err := recovery.VerifyPostgresBackup(c.File); err != nil {
		return err // before anything is written
	}
	if err := platform.MigratePostgres(ctx, p, log); err != nil {
		return err
	}
	m, err := recovery.RestorePostgres(ctx, p, c.File, c.Replace)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d rows of %d tables are back as of %s, each table compared with the backup\n", c.File, m.Rows(), len(m.Tables), m.Taken.Format(time.RFC3339))
	return nil
}

type postgresVerifyCmd struct {
	File string `arg:"" help:"A file of anpr postgres backup." type:"path"`
}

// Run compares a backup with itself.
func (c *postgresVerifyCmd) Run() error {
	m, err := recovery.VerifyPostgresBackup(c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: whole; %d rows of %d tables as of %s, PostgreSQL %s\n", c.File, m.Rows(), len(m.Tables), m.Taken.Format(time.RFC3339), m.Server)
	return nil
}
