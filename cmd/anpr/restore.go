package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type backupCmd struct {
	flags.SourcesFlags
	Name string `arg:"" help:"Name of the backup on the disk."`
	Base string `help:"Write only what changed since this backup; it is needed for a restore then."`
	Only string `help:"One table alone, for what is not on the log: access_log." placeholder:"TABLE"`
	Disk string `help:"Disk of ClickHouse's configuration that backups go to." default:"backups" env:"ANPR_BACKUP_DISK"`
}

// Run makes a backup while everything runs.
func (c *backupCmd) Run(ctx context.Context) error {
	b, err := c.OpenSources(embedded.Backup)
	if err != nil {
		return err
	}
	defer roles.CloseSources(b)
	began := time.Now()
	st := &recovery.BackupStore{Conn: b.DB, Disk: c.Disk, Database: c.ClickhouseDatabase}
	if c.Only != "" {
		if err := st.BackupTable(ctx, c.Only, c.Name, c.Base); err != nil {
			return err
		}
		fmt.Printf("backup %s of table %s in %s\n", c.Name, c.Only, time.Since(began).Round(time.Millisecond))
		return nil
	}
	cut, err := st.TakeBackup(ctx, b.Log, b.Group, c.Name, c.Base)
	if err != nil {
		return err
	}
	fmt.Printf("backup %s in %s; the log completes it: %s\n", c.Name, time.Since(began).Round(time.Millisecond), recovery.OffsetsText(cut.EndOffsets(), "from"))
	return nil
}

type restoreCmd struct {
	flags.BrokerFlags
	flags.ClickHouseFlags
	flags.ReferenceFlags
	Group      string   `help:"Consumer group of the pipeline. Its offsets say up to where to rebuild, and stay as they are." default:"anpr-ingest" env:"ANPR_GROUP"`
	FromLog    bool     `help:"Rebuild everything from the log, into empty tables." xor:"from" required:""`
	FromBackup string   `help:"Restore this backup, then rebuild from the log what came after it." xor:"from" required:"" placeholder:"NAME"`
	Disk       string   `help:"Disk of ClickHouse's configuration that backups are on." default:"backups" env:"ANPR_BACKUP_DISK"`
	BackedUp   string   `help:"Name of the database in the backup." default:"anpr"`
	Only       string   `help:"With --from-backup: one table alone, for what is not on the log: access_log. The office must be stopped. A table with look-ups that the backup lacks stays as it is." placeholder:"TABLE"`
	Replace    bool     `help:"With --only: replace a damaged table that has look-ups which the backup lacks; it is kept beside."`
	Lost       []string `help:"Records of the log that nobody can read, as partition:from-to, to be recorded as lost in the rebuilt tables too. Those recorded in the database of --compare or --backed-up are found by themselves." placeholder:"2:1505-1508"`
	Compare    string   `help:"A rehearsal: restore into --clickhouse-database, beside this database, and compare the two row for row. The workers may go on meanwhile." placeholder:"DATABASE"`
	Drop       bool     `help:"With --compare: drop the rehearsed database afterwards. Else it stays, a second copy of all plates."`
	Data       string   `help:"One machine: the data directory of an anpr up. When it is stopped, its broker and ClickHouse are started for the restore; beside one that runs, give --compare." type:"path"`
	Backups    string   `help:"With --data of a stopped anpr up: directory of its backups; default backups in the data directory." type:"path" env:"ANPR_BACKUPS"`
	Cache      string   `help:"With --data of a stopped anpr up: directory the engine is in, or is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// Help is shown below the flags.
func (restoreCmd) Help() string {
	return "The workers of the group must be stopped, unless --compare names another database. An interrupted restore goes on when it is started again. " +
		"Exit code: 0 restored (and equal), 1 not, or different."
}

// Run restores.
func (c *restoreCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.Compare == c.ClickhouseDatabase {
		return fmt.Errorf("--compare %s: a database cannot be rebuilt beside itself; give another with --clickhouse-database", c.Compare)
	}
	if c.Only != "" && (c.Only != recovery.AccessLogTable || c.FromBackup == "" || c.Compare != "") {
		return fmt.Errorf("--only %s: it takes %s, with --from-backup and without --compare; all other tables are rebuilt together", c.Only, recovery.AccessLogTable)
	}
	if c.Replace && c.Only == "" {
		return errors.New("--replace goes with --only")
	}
	if c.Drop && c.Compare == "" {
		return errors.New("--drop goes with --compare: without a rehearsal there is nothing to drop")
	}
	var engines *roles.LocalEngines
	run, err := (&flags.DataFlags{Data: c.Data}).FindRunning()
	if err != nil && !errors.Is(err, embedded.ErrNotRunning) {
		return err
	}
	if c.Data == "" || run != nil {
		run.FillBroker(&c.BrokerFlags)
		run.FillTables(&c.ClickHouseFlags, embedded.Backup)
		if run != nil {
			c.Reference = cmp.Or(c.Reference, run.Reference)
		}
	} else {
		if engines, err = c.startData(ctx, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, engines.Stop(ctx)) }()
	}
	return c.runRestore(ctx, engines, log)
}

// runRestore restores into the running engines, or into engines started for the restore.
func (c *restoreCmd) runRestore(ctx context.Context, engines *roles.LocalEngines, log zerolog.Logger) error {
	tables, err := c.ClickHouse()
	if err != nil {
		return err
	}
	kafka := c.Kafka()
	if engines != nil {
		tables, kafka = engines.Tables(embedded.Backup), engines.Kafka()
	}
	if c.Only != "" {
		return (&recovery.AccessLogRestore{ClickHouse: tables, Disk: c.Disk, Backup: c.FromBackup, BackedUp: c.BackedUp, Replace: c.Replace, Logger: log}).Run(ctx, os.Stdout)
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	store, err := roles.OpenReference(watch, c.ReferenceFlags.Config(), platform.NewOps(), log)
	if err != nil {
		return err
	}
	r, err := roles.OpenRestore(roles.RestoreConfig{
		Kafka: kafka, Tables: tables, InsertTimeout: c.InsertTimeout, Disk: c.Disk, Catalogue: c.Catalogue, Signers: c.Signers,
		Group: c.Group, FromBackup: c.FromBackup, BackedUp: c.BackedUp, Compare: c.Compare, Drop: c.Drop, Lost: c.Lost, Store: store, Log: log,
	})
	if err != nil {
		return err
	}
	return errors.Join(r.Run(ctx, os.Stdout), r.Close())
}

// startData starts broker and ClickHouse on the directory of a stopped anpr up.
func (c *restoreCmd) startData(ctx context.Context, log zerolog.Logger) (*roles.LocalEngines, error) {
	f := flags.EngineFlags{Data: c.Data, Backups: c.Backups, Cache: c.Cache, Fsync: true}
	c.KafkaAddr, c.ClickhouseAddr = "127.0.0.1:0", "127.0.0.1:0"
	cfg, err := f.Engines(&flags.KafkaFlags{BrokerFlags: c.BrokerFlags, Partitions: 4}, &c.ClickHouseFlags, log, os.Stderr)
	if err != nil {
		return nil, err
	}
	c.Reference = flags.PathUnder(c.Reference, c.Data, "reference")
	return roles.StartEngines(ctx, cfg)
}
