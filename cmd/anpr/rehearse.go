package main

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
	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

type rehearseCmd struct {
	Seconds int    `help:"Length of the traffic." default:"40"`
	Rate    int    `help:"Reads per second." default:"500"`
	Seed    uint64 `help:"Seed of the city and its traffic." default:"1"`
	Cache   string `help:"Directory the engine is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// Run rehearses in a temporary directory.
func (c *rehearseCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if log.GetLevel() == zerolog.InfoLevel {
		log = log.Level(zerolog.WarnLevel)
	}
	dir, err := os.MkdirTemp("", "anpr-rehearsal-")
	if err != nil {
		return fmt.Errorf("make a directory for the rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h := &rehearsal{cmd: c, out: os.Stdout, log: log}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.start(ctx, dir); err != nil {
		return err
	}
	return h.run(ctx)
}

// rehearsal is a stack with traffic whose tables are then rebuilt in two ways beside the original.
type rehearsal struct {
	cmd   *rehearseCmd
	out   io.Writer
	log   zerolog.Logger
	stack *stack
	books *reconcile.Books
}

const rehearsalBackup = "rehearsal"

func (h *rehearsal) start(ctx context.Context, dir string) (err error) {
	if err := writeMissingCity(filepath.Join(dir, "reference"), h.cmd.Seed); err != nil {
		return err
	}
	f := stackFlags{}
	f.Data, f.Cache, f.Fsync, f.Partitions, f.Group = dir, h.cmd.Cache, true, 4, "anpr-ingest"
	f.InsertTimeout, f.InsertCompression, f.ClickhouseDatabase = 30*time.Second, "off", "anpr"
	for _, addr := range []*string{&f.KafkaAddr, &f.ClickhouseAddr, &f.GatewayAddr, &f.OfficeAddr, &f.OpsAddr} {
		*addr = "127.0.0.1:0"
	}
	if h.stack, err = startStack(ctx, f, h.log, os.Stderr); err != nil {
		return err
	}
	h.stack.flags.clickhouseFlags = h.stack.as(embedded.Backup)
	h.books, err = openBooks(booksFlags{
		sidesFlags: sidesFlags{brokerFlags: h.stack.flags.brokerFlags, clickhouseFlags: h.stack.flags.clickhouseFlags, Group: f.Group},
		Receipts:   []string{h.stack.flags.Receipts},
	}, h.log)
	return err
}

func (h *rehearsal) close() error {
	if h.books != nil {
		closeBooks(h.books)
	}
	if h.stack == nil {
		return nil
	}
	return h.stack.stop()
}

// run makes the traffic with a backup in its middle, stops the workers, and rebuilds.
func (h *rehearsal) run(ctx context.Context) error {
	backup := make(chan error, 1)
	half := time.AfterFunc(time.Duration(h.cmd.Seconds)*time.Second/2, func() { backup <- h.backup(ctx) })
	defer half.Stop()
	if err := h.traffic(ctx); err != nil {
		return err
	}
	if err := <-backup; err != nil {
		return err
	}
	// Else the tick that closes the last passages may come between the last look at the log and the stop, and is on the log for nobody.
	if err := waitUntilProcessed(ctx, newTopicCounter(&h.stack.flags.brokerFlags, h.stack.flags.Group).behind); err != nil {
		return err
	}
	if err := h.stack.stopThrough("pipeline"); err != nil {
		return err
	}
	before, err := h.published(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, way := range []struct {
		database string
		change   func(*restoreCmd)
	}{
		{"anpr_from_log", func(c *restoreCmd) { c.FromLog = true }},
		{"anpr_from_backup", func(c *restoreCmd) { c.FromBackup = rehearsalBackup }},
	} {
		_, _ = fmt.Fprintf(h.out, "\n%s\n", way.database)
		failed = errors.Join(failed, h.restore(ctx, way.database, way.change))
	}
	after, err := h.published(ctx)
	if err != nil {
		return errors.Join(failed, err)
	}
	if !slices.Equal(before, after) {
		failed = errors.Join(failed, fmt.Errorf("records of the topics before %v, after %v: a restore must write to none", before, after))
	}
	_, _ = fmt.Fprintf(h.out, "\nrecords on reads, hits, offences and dead letters before and after: %v, %v\n", before, after)
	return failed
}

func (h *rehearsal) traffic(ctx context.Context) error {
	city, err := sampleCity(h.cmd.Seed, 0, 0, "")
	if err != nil {
		return err
	}
	tokens, err := bench.ReadCameraTokens(h.stack.flags.Reference)
	if err != nil {
		return err
	}
	target, err := bench.NewGatewayTarget(bench.GatewayConfig{URL: "http://" + h.stack.flags.GatewayAddr, Tokens: tokens})
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, bench.RunConfig{
		City: city, Target: target, WallClock: true, Duration: time.Duration(h.cmd.Seconds) * time.Second, Progress: &bench.Progress{}, Drain: longestStall,
		Traffic: bench.TrafficConfig{Seed: h.cmd.Seed, Rate: h.cmd.Rate, ListedShare: 20_000},
	})
	if err != nil {
		return fmt.Errorf("traffic of the rehearsal: %w", err)
	}
	_, _ = fmt.Fprintf(h.out, "traffic: %d reads in %d s through the gateway\n", result.Sent, h.cmd.Seconds)
	return nil
}

func (h *rehearsal) backup(ctx context.Context) error {
	began := time.Now()
	cut, err := takeBackup(ctx, h.books, &recovery.Store{Conn: h.books.DB, Disk: "backups", Database: "anpr"}, rehearsalBackup, "")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(h.out, "backup under traffic in %s; the log completes it: %s\n", time.Since(began).Round(time.Millisecond), offsetsText(cut.Ends(), "from"))
	return nil
}

func (h *rehearsal) restore(ctx context.Context, database string, change func(*restoreCmd)) error {
	f := h.stack.flags
	c := &restoreCmd{brokerFlags: f.brokerFlags, clickhouseFlags: f.clickhouseFlags, referenceFlags: f.referenceFlags, Group: f.Group, Disk: "backups", BackedUp: "anpr", Compare: "anpr"}
	c.ClickhouseDatabase = database
	change(c)
	r, err := openRebuild(c, h.stack.store, h.log)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.run(ctx, h.out); err != nil {
		return fmt.Errorf("%s: %w", database, err)
	}
	return nil
}

// published counts the records of the topics.
func (h *rehearsal) published(ctx context.Context) (out []int64, err error) {
	counter := newTopicCounter(&h.stack.flags.brokerFlags, h.stack.flags.Group)
	for _, topic := range []string{schemas.TopicReads, schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects} {
		n, err := counter.CountRecords(ctx, topic)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
