package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// database is the embedded engine, started again when it dies: the pipeline waits meanwhile, Kafka keeps the backlog.
type database struct {
	cfg embedded.Config
	log zerolog.Logger

	mu     sync.Mutex // guards engine
	engine *embedded.ClickHouse

	stopping context.CancelFunc
	watched  chan struct{} // closed when the watch has ended
	dead     chan error    // the engine could not be started again
}

// An engine that was killed is started again however often that happens; one that cannot be started, or that keeps dying
// by itself, is given up.
const (
	startTries  = 8           // failed starts in a row
	quickDeaths = 40          // deaths in a row, each within quick of the start
	quick       = time.Minute // a longer life counts as sound
)

func startDatabase(ctx context.Context, f *stackFlags, passwords embedded.Passwords, log zerolog.Logger, progress io.Writer) (*database, error) {
	users, err := passwords.Users(f.ClickhouseDatabase)
	if err != nil {
		return nil, err
	}
	d := &database{log: log.With().Str("part", "clickhouse").Logger(), watched: make(chan struct{}), dead: make(chan error, 1)}
	d.cfg = embedded.Config{
		DataDir: filepath.Join(f.Data, "clickhouse"), BackupDir: f.Backups, CacheDir: f.Cache, NativeAddr: f.ClickhouseAddr, HTTPAddr: f.ClickhouseHTTP,
		Users: users, MaxMemory: f.MaxMemory, Fsync: f.Fsync, Progress: progress, Logger: d.log,
	}
	e, err := embedded.StartClickHouse(ctx, d.cfg)
	if err != nil {
		return nil, err
	}
	d.engine = e
	d.cfg.NativeAddr, d.cfg.HTTPAddr = e.NativeAddr(), e.HTTPAddr() // a restart must answer where the first did
	f.ClickhouseAddr, f.ClickhouseHTTP = d.cfg.NativeAddr, d.cfg.HTTPAddr
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.stopping = cancel
	go d.watch(watch)
	cfg, err := accountOf(f.clickhouseFlags, passwords, embedded.Migrator).config(log, nil)
	if err == nil {
		err = sink.Migrate(ctx, cfg, log)
	}
	if err != nil {
		_ = d.stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return d, nil
}

// accountOf makes the flags of a role of the embedded engine.
func accountOf(f clickhouseFlags, passwords embedded.Passwords, role embedded.Role) clickhouseFlags {
	f.ClickhouseUser, f.ClickhousePassword, f.PasswordFile = string(role), passwords[role], ""
	return f
}

// current returns the running engine.
func (d *database) current() *embedded.ClickHouse {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine
}

func (d *database) watch(ctx context.Context) {
	defer close(d.watched)
	deaths := 0
	for {
		e, began := d.current(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-e.Done():
		}
		if deaths++; time.Since(began) > quick {
			deaths = 1
		}
		d.log.Error().Err(e.Err()).Int("restart", deaths).Msg("ClickHouse ended by itself; starting it again. Reads are kept on the log meanwhile")
		next, err := d.again(ctx, deaths)
		if err != nil {
			if ctx.Err() == nil {
				d.dead <- fmt.Errorf("clickhouse died and could not be started again: %w; what was accepted is on the log and is processed after the next start", err)
			}
			return
		}
		d.mu.Lock()
		d.engine = next
		d.mu.Unlock()
	}
}

// again starts the engine until it answers. The first restarts come at once, later ones wait up to ten seconds.
func (d *database) again(ctx context.Context, deaths int) (*embedded.ClickHouse, error) {
	if deaths > quickDeaths {
		return nil, fmt.Errorf("it died %d times in a row, each within %v: %w", deaths, quick, d.current().Err())
	}
	wait := min(max(deaths-5, 0), 10)
	for tries := 1; ; tries++ {
		select {
		case <-time.After(time.Duration(wait) * time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		next, err := embedded.StartClickHouse(ctx, d.cfg)
		if err == nil {
			return next, nil
		}
		if tries == startTries || ctx.Err() != nil {
			return nil, err
		}
		d.log.Error().Err(err).Int("try", tries).Msg("ClickHouse does not start; trying again")
		wait = min(max(wait, tries), 10)
	}
}

func (d *database) stop(ctx context.Context) error {
	d.stopping()
	<-d.watched
	return d.current().Stop(ctx)
}
