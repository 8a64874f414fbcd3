// Package rehearsal runs everything on one machine with made-up traffic, and rebuilds the tables beside the
// original. It serves anprload rehearse and the tests of whole programs.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config sizes the traffic.
type Config struct {
	Seconds int    // length of the traffic
	Rate    int    // reads a second
	Seed    uint64 // for the city and the traffic
	Cache   string // directory the engine is downloaded to; empty = the user's cache
}

// Rehearsal is a machine with traffic whose tables are then rebuilt in two ways beside the original.
type Rehearsal struct {
	Config Config
	Out    io.Writer
	Log    zerolog.Logger

	Machine *roles.Machine     // after Start
	Sources *reconcile.Sources // after Start
}

// BackupName is the backup that BackUpTables makes.
const BackupName = "rehearsal"

// Start starts everything on a directory, with a made-up city where there is none.
func (h *Rehearsal) Start(ctx context.Context, dir string) (err error) {
	roles.CloseToOthers()
	if err := bench.WriteMissingCity(filepath.Join(dir, "reference"), h.Config.Seed); err != nil {
		return err
	}
	var f flags.MachineFlags
	f.Data, f.Cache, f.Fsync, f.Partitions, f.Group = dir, h.Config.Cache, true, 4, "anpr-ingest"
	f.InsertTimeout, f.InsertCompression, f.ClickhouseDatabase = 30*time.Second, "off", "anpr"
	for _, addr := range []*string{&f.KafkaAddr, &f.ClickhouseAddr, &f.GatewayAddr, &f.OfficeAddr, &f.OpsAddr, &f.PostgresAddr} {
		*addr = "127.0.0.1:0"
	}
	cfg, err := f.Config(h.Log, os.Stderr)
	if err != nil {
		return err
	}
	if h.Machine, err = roles.StartMachine(ctx, cfg); err != nil {
		return err
	}
	h.Sources, err = roles.OpenSources(h.Machine.Sources(embedded.Backup))
	return err
}

// Close stops everything that Start started.
func (h *Rehearsal) Close(ctx context.Context) error {
	if h.Sources != nil {
		roles.CloseSources(h.Sources)
	}
	if h.Machine == nil {
		return nil
	}
	return h.Machine.Stop(ctx)
}

// Run sends the traffic with a backup in the middle, stops the workers, and rebuilds.
func (h *Rehearsal) Run(ctx context.Context) error {
	backup := make(chan error, 1)
	half := time.AfterFunc(time.Duration(h.Config.Seconds)*time.Second/2, func() { backup <- h.BackUpTables(ctx) })
	defer half.Stop()
	if err := h.SendTraffic(ctx); err != nil {
		return err
	}
	if err := <-backup; err != nil {
		return err
	}
	// Else the tick that closes the last passages may come between the last look at the log and the stop, and is
	// on the log for nobody.
	if err := h.WaitUntilProcessed(ctx); err != nil {
		return err
	}
	if err := h.Machine.StopWorkers(ctx); err != nil {
		return err
	}
	before, err := h.countPublished(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, way := range []struct {
		database string
		change   func(*roles.RestoreConfig)
	}{
		{"anpr_from_log", func(*roles.RestoreConfig) {}},
		{"anpr_from_backup", func(c *roles.RestoreConfig) { c.FromBackup = BackupName }},
	} {
		_, _ = fmt.Fprintf(h.Out, "\n%s\n", way.database)
		failed = errors.Join(failed, h.RestoreTables(ctx, way.database, way.change))
	}
	_, _ = fmt.Fprintf(h.Out, "\n%s\n", postgresCopy)
	failed = errors.Join(failed, h.RestorePostgres(ctx))
	after, err := h.countPublished(ctx)
	if err != nil {
		return errors.Join(failed, err)
	}
	if !slices.Equal(before, after) {
		failed = errors.Join(failed, fmt.Errorf("records of the topics before %v, after %v: a restore must write to none", before, after))
	}
	_, _ = fmt.Fprintf(h.Out, "\nrecords on reads, hits, offences and dead letters before and after: %v, %v\n", before, after)
	return failed
}

// SendTraffic sends the traffic through the gateway.
func (h *Rehearsal) SendTraffic(ctx context.Context) error {
	city, err := bench.CityOfToday(h.Config.Seed)
	if err != nil {
		return err
	}
	tokens, err := bench.ReadCameraTokens(h.Machine.Config.Reference.Dir)
	if err != nil {
		return err
	}
	target, err := bench.NewGatewayTarget(bench.GatewayTargetConfig{URL: "http://" + h.Machine.Config.GatewayAddr, Tokens: tokens})
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, bench.RunConfig{
		City: city, Target: target, WallClock: true, Duration: time.Duration(h.Config.Seconds) * time.Second, Progress: &bench.Progress{}, Drain: LongestStall,
		Traffic: bench.TrafficConfig{Seed: h.Config.Seed, Rate: h.Config.Rate, ListedShare: 20_000},
	})
	if err != nil {
		return fmt.Errorf("traffic of the rehearsal: %w", err)
	}
	_, _ = fmt.Fprintf(h.Out, "traffic: %d reads in %d s through the gateway\n", result.Sent, h.Config.Seconds)
	return nil
}

// BackUpTables backs the tables up while everything runs.
func (h *Rehearsal) BackUpTables(ctx context.Context) error {
	began := time.Now()
	cut, err := (&recovery.BackupStore{Conn: h.Sources.DB, Disk: "backups", Database: "anpr"}).TakeBackup(ctx, h.Sources.Log, h.Sources.Group, BackupName, "")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(h.Out, "backup under traffic in %s; the log completes it: %s\n", time.Since(began).Round(time.Millisecond), recovery.OffsetsText(cut.EndOffsets(), "from"))
	return nil
}

// RestoreConfig describes a restore from the log into a separate database, with a comparison.
func (h *Rehearsal) RestoreConfig(database string) roles.RestoreConfig {
	tables := h.Machine.Engines.Tables(embedded.Backup)
	tables.Database = database
	return roles.RestoreConfig{
		Kafka: h.Machine.Engines.Kafka(), Tables: tables, InsertTimeout: h.Machine.Config.Ingest.InsertTimeout, Group: h.Sources.Group,
		Disk: "backups", BackedUp: "anpr", Compare: "anpr", Store: h.Machine.Store, Log: h.Log,
	}
}

// RestoreTables rebuilds into a database beside the original, and compares.
func (h *Rehearsal) RestoreTables(ctx context.Context, database string, change func(*roles.RestoreConfig)) error {
	c := h.RestoreConfig(database)
	change(&c)
	r, err := roles.OpenRestore(c)
	if err != nil {
		return err
	}
	if err := errors.Join(r.Run(ctx, h.Out), r.Close()); err != nil {
		return fmt.Errorf("%s: %w", database, err)
	}
	return nil
}

// WaitUntilProcessed waits until the log is processed and the last passages have closed.
func (h *Rehearsal) WaitUntilProcessed(ctx context.Context) error {
	return WaitUntilProcessed(ctx, func(ctx context.Context) (end, lag int64, err error) {
		return CountBehind(ctx, h.Sources.Log.Admin, h.Sources.Group)
	})
}

// countPublished counts the records of the topics.
func (h *Rehearsal) countPublished(ctx context.Context) (out []int64, err error) {
	for _, topic := range []string{schemas.TopicReads, schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects} {
		n, err := h.Sources.Log.CountRecords(ctx, topic)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
