package roles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// EnginesConfig describes the broker and the databases on one machine.
type EnginesConfig struct {
	Data           string // directory of all files of the engines
	KafkaAddr      string // broker; port 0 = any
	ClickHouseAddr string // native protocol; port 0 = any
	ClickHouseHTTP string // empty = not opened
	PostgresAddr   string // embedded PostgreSQL; port 0 = any, empty = none is started
	Database       string
	Partitions     int    // number of partitions of a newly created anpr.reads.v1
	Backups        string // directory of the engine's backups
	Cache          string // directory the engine is downloaded to; empty = the user's cache
	MaxMemory      int64  // limit of ClickHouse's memory, bytes; 0 = the engine's default
	Fsync          bool   // every insert reaches the disk before the commit of the offset
	Compression    platform.Compression

	Progress io.Writer // shows the progress of a download
	Log      zerolog.Logger
}

// LocalEngines are broker and databases on the same machine, with generated passwords.
type LocalEngines struct {
	Config   EnginesConfig // with the addresses chosen where they were left open
	Secrets  *embedded.Secrets
	Database *embedded.Supervisor[*embedded.ClickHouseEngine]
	Postgres *embedded.Supervisor[*embedded.PostgresEngine] // nil when none was started

	broker *embedded.Broker
	claim  *embedded.Claim
	parts  *platform.Parts
}

// StartEngines starts the broker and the databases, makes the tables, and leaves the run file for commands.
func StartEngines(ctx context.Context, c EnginesConfig) (_ *LocalEngines, err error) {
	e := newEngines(c, &platform.Parts{Log: c.Log})
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := joinTaken(e.probePorts(ctx)); err != nil {
		return nil, err
	}
	if err := e.startAll(ctx); err != nil {
		return nil, err
	}
	return e, e.publishRun(embedded.RunFile{})
}

// CloseToOthers makes all files that this process writes from now on unreadable for other users. [StartEngines] calls
// CloseToOthers; a caller that writes reference data earlier calls CloseToOthers first.
func CloseToOthers() { syscall.Umask(0o077) }

// newEngines makes engines that are not running yet.
func newEngines(c EnginesConfig, parts *platform.Parts) *LocalEngines {
	CloseToOthers()
	return &LocalEngines{Config: c, Secrets: embedded.NewSecrets(), parts: parts}
}

// Stop stops all running parts.
func (e *LocalEngines) Stop(ctx context.Context) error { return e.parts.Stop(ctx) }

// Dead delivers an error when ClickHouse is given up.
func (e *LocalEngines) Dead() <-chan error { return e.Database.Dead() }

// Kafka returns the address of the broker.
func (e *LocalEngines) Kafka() platform.Kafka {
	return platform.Kafka{Addr: e.Config.KafkaAddr, Account: platform.Account{User: e.Secrets.KafkaUser, Password: e.Secrets.KafkaPassword}}
}

// Tables returns address and account with which a job reaches the tables.
func (e *LocalEngines) Tables(role embedded.DatabaseRole) platform.ClickHouse {
	return platform.ClickHouse{
		Addr: e.Config.ClickHouseAddr, Database: e.Config.Database, User: string(role), Password: e.Secrets.ClickHouse[role], Compression: e.Config.Compression,
	}
}

// claimData claims the data directory, so that no other process writes there. A second call does nothing.
func (e *LocalEngines) claimData() (err error) {
	if e.claim != nil {
		return nil
	}
	if err := CheckData(e.Config.Data); err != nil {
		return err
	}
	if e.claim, err = embedded.ClaimRun(e.Config.Data); err != nil {
		return err
	}
	e.parts.Push("run file", func(context.Context) error { return e.claim.Close() })
	return nil
}

// startAll starts the broker, then ClickHouse, then PostgreSQL.
func (e *LocalEngines) startAll(ctx context.Context) error {
	if err := e.claimData(); err != nil {
		return err
	}
	if err := e.startBroker(); err != nil {
		return err
	}
	if err := e.startDatabase(ctx); err != nil {
		return err
	}
	return e.startPostgres(ctx)
}

func (e *LocalEngines) startBroker() error {
	b, err := embedded.StartBroker(embedded.BrokerConfig{
		Addr: e.Config.KafkaAddr, DataDir: filepath.Join(e.Config.Data, "kafka"), Topics: embeddedTopics(e.Config.Partitions),
		User: e.Secrets.KafkaUser, Password: e.Secrets.KafkaPassword, Logger: e.Config.Log.With().Str("part", "broker").Logger(),
	})
	if err != nil {
		return err
	}
	e.Config.KafkaAddr, e.broker = b.Addr(), b
	e.parts.Push("broker", func(context.Context) error { return b.Close() })
	return nil
}

// startDatabase starts ClickHouse, supervises it and makes the tables. While ClickHouse is away the pipeline waits
// and the log keeps the backlog.
func (e *LocalEngines) startDatabase(ctx context.Context) error {
	c := &e.Config
	users, err := e.Secrets.ClickHouse.Users(c.Database)
	if err != nil {
		return err
	}
	cfg := embedded.ClickHouseConfig{
		DataDir: filepath.Join(c.Data, "clickhouse"), BackupDir: c.Backups, CacheDir: c.Cache, NativeAddr: c.ClickHouseAddr, HTTPAddr: c.ClickHouseHTTP,
		Users: users, MaxMemory: c.MaxMemory, Fsync: c.Fsync, Progress: c.Progress, Logger: c.Log.With().Str("part", "clickhouse").Logger(),
	}
	first, err := embedded.StartClickHouse(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.NativeAddr, cfg.HTTPAddr = first.NativeAddr(), first.HTTPAddr() // a restart must answer at the same addresses
	c.ClickHouseAddr, c.ClickHouseHTTP = cfg.NativeAddr, cfg.HTTPAddr
	e.Database = embedded.Supervise(ctx, first, embedded.Supervision[*embedded.ClickHouseEngine]{
		Name: "ClickHouse", Logger: cfg.Logger, Meanwhile: "Reads are kept on the log meanwhile",
		GivenUp: "what was accepted is on the log and is processed after the next start",
		Start: func(ctx context.Context) (*embedded.ClickHouseEngine, error) {
			return embedded.StartClickHouse(ctx, cfg)
		},
	})
	e.parts.Push("clickhouse", e.Database.Stop)
	return platform.Migrate(ctx, e.Tables(embedded.Migrator), c.Log)
}

// startPostgres starts PostgreSQL, keeps the server running and makes the tables. The program never gives PostgreSQL
// up: the office waits, and the cameras go on.
func (e *LocalEngines) startPostgres(ctx context.Context) error {
	c := &e.Config
	if c.PostgresAddr == "" {
		return nil
	}
	cfg := embedded.PostgresConfig{
		DataDir: filepath.Join(c.Data, "postgres"), CacheDir: c.Cache, Addr: c.PostgresAddr, Passwords: e.Secrets.Postgres,
		Fsync: c.Fsync, Progress: c.Progress, Logger: c.Log.With().Str("part", "postgres").Logger(),
	}
	first, err := embedded.StartPostgres(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.Addr = first.Addr() // a restart must answer at the same address
	c.PostgresAddr = cfg.Addr
	e.Postgres = embedded.Supervise(ctx, first, embedded.Supervision[*embedded.PostgresEngine]{
		Name: "PostgreSQL", Logger: cfg.Logger, Meanwhile: "The office answers nobody meanwhile; reads are processed", KeepTrying: true,
		Start: func(ctx context.Context) (*embedded.PostgresEngine, error) { return embedded.StartPostgres(ctx, cfg) },
	})
	e.parts.Push("postgres", e.Postgres.Stop)
	return platform.MigratePostgres(ctx, e.PostgresAs(embedded.PostgresMigrator), c.Log)
}

// PostgresAs returns address and account with which a job reaches the embedded PostgreSQL; zero when none runs.
func (e *LocalEngines) PostgresAs(a embedded.PostgresAccount) platform.Postgres {
	if e.Config.PostgresAddr == "" {
		return platform.Postgres{}
	}
	return platform.NewPostgres(e.Config.PostgresAddr, embedded.PostgresDatabase, string(a), e.Secrets.Postgres[a])
}

// publishRun writes the run file, with which commands find this program.
func (e *LocalEngines) publishRun(run embedded.RunFile) error {
	c := &e.Config
	run.Started = time.Now().UTC().Truncate(time.Second)
	run.Kafka, run.ClickHouse, run.HTTP, run.Database, run.Postgres = c.KafkaAddr, c.ClickHouseAddr, c.ClickHouseHTTP, c.Database, c.PostgresAddr
	return e.claim.Publish(run, e.Secrets)
}

// probePorts returns an error for each port of the engines that is taken.
func (e *LocalEngines) probePorts(ctx context.Context) []error {
	var errs []error
	for _, p := range []struct{ name, addr, flag string }{
		{"broker", e.Config.KafkaAddr, "--kafka-addr"},
		{"ClickHouse", e.Config.ClickHouseAddr, "--clickhouse-addr"},
		{"ClickHouse HTTP", e.Config.ClickHouseHTTP, "--clickhouse-http-addr"},
		{"PostgreSQL", e.Config.PostgresAddr, embedded.FlagPostgres},
	} {
		if p.addr == "" {
			continue
		}
		ln, err := platform.Listen(ctx, p.name, p.addr, p.flag)
		if err == nil {
			err = ln.Close()
		}
		errs = append(errs, err)
	}
	return errs
}

// joinTaken joins the errors; for several taken ports the error says how to move all ports.
func joinTaken(errs []error) error {
	err := errors.Join(errs...)
	if n := len(slices.DeleteFunc(errs, func(err error) bool { return err == nil })); n > 1 {
		return fmt.Errorf("%d ports cannot be had; --port-base N moves all of them to N and the six after it:\n%w", n, err)
	}
	return err
}
