package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// startDatabase starts the embedded engine, keeps it running and makes its tables. The pipeline waits while it is away, Kafka keeps the backlog.
func startDatabase(ctx context.Context, f *stackFlags, passwords embedded.Passwords, log zerolog.Logger, progress io.Writer) (*embedded.Supervisor[*embedded.ClickHouse], error) {
	users, err := passwords.Users(f.ClickhouseDatabase)
	if err != nil {
		return nil, err
	}
	cfg := embedded.Config{
		DataDir: filepath.Join(f.Data, "clickhouse"), BackupDir: f.Backups, CacheDir: f.Cache, NativeAddr: f.ClickhouseAddr, HTTPAddr: f.ClickhouseHTTP,
		Users: users, MaxMemory: f.MaxMemory, Fsync: f.Fsync, Progress: progress, Logger: log.With().Str("part", "clickhouse").Logger(),
	}
	first, err := embedded.StartClickHouse(ctx, cfg)
	if err != nil {
		return nil, err
	}
	cfg.NativeAddr, cfg.HTTPAddr = first.NativeAddr(), first.HTTPAddr() // a restart must answer where the first did
	f.ClickhouseAddr, f.ClickhouseHTTP = cfg.NativeAddr, cfg.HTTPAddr
	s := embedded.Supervise(ctx, first, embedded.Supervision[*embedded.ClickHouse]{
		Name: "ClickHouse", Logger: cfg.Logger, Meanwhile: "Reads are kept on the log meanwhile",
		GivenUp: "what was accepted is on the log and is processed after the next start",
		Start:   func(ctx context.Context) (*embedded.ClickHouse, error) { return embedded.StartClickHouse(ctx, cfg) },
	})
	tables, err := accountOf(f.clickhouseFlags, passwords, embedded.Migrator).config(log, nil)
	if err == nil {
		err = platform.Migrate(ctx, tables.ClickHouse, log)
	}
	if err != nil {
		_ = s.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// accountOf makes the flags of a role of the embedded engine.
func accountOf(f clickhouseFlags, passwords embedded.Passwords, role embedded.Role) clickhouseFlags {
	f.ClickhouseUser, f.ClickhousePassword, f.PasswordFile = string(role), passwords[role], ""
	return f
}
