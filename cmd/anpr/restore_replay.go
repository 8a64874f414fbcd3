package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// name of the rebuilding group. It is the same every time, so that an interrupted restore is found again, and deleted at the
// end.
func (r *rebuild) name() string { return r.cmd.Group + "-restore-" + r.cmd.ClickhouseDatabase }

// prepare makes the tables ready to be filled and sets the rebuilding group, unless an interrupted restore did.
func (r *rebuild) prepare(ctx context.Context) (resumed bool, err error) {
	begun, err := r.books.Log.Commits(ctx, r.name(), schemas.TopicReads, r.partitions)
	if err != nil {
		return false, err
	}
	some := false
	for _, c := range begun {
		some = some || c.Offset >= 0
	}
	switch err := r.tables.Empty(ctx); {
	case err == nil && some: // of a restore whose tables were dropped since
		if err := r.admin.DeleteGroup(ctx, r.name()); err != nil {
			return false, err
		}
	case err == nil:
	case errors.Is(err, recovery.ErrNotEmpty) && some:
		return true, nil
	default:
		return false, err
	}
	began := time.Now()
	plans := map[int32]ingest.Plan{}
	if r.cmd.FromBackup != "" {
		cut, err := r.tables.Restore(ctx, r.cmd.FromBackup, r.cmd.BackedUp)
		if err != nil {
			return false, err
		}
		if cut.Group != r.cmd.Group {
			return false, fmt.Errorf("backup %s was made with group %s, not %s: its offsets are another's", r.cmd.FromBackup, cut.Group, r.cmd.Group)
		}
		for p, end := range cut.Ends() {
			if end > r.ends[p] {
				return false, fmt.Errorf("partition %d: the backup holds records up to %d and group %s has committed %d: the group was set back, or it is another Kafka", p, end, r.cmd.Group, r.ends[p])
			}
		}
		plans = cut.Plans
		r.note(ctx, "restore backup "+r.cmd.FromBackup, began)
	}
	if err := r.migrate(ctx); err != nil {
		return false, err
	}
	return false, r.admin.SetGroup(ctx, r.name(), schemas.TopicReads, recovery.CommitsOf(plans))
}

func (r *rebuild) config() (sink.Config, error) { return r.cmd.clickhouseFlags.config(r.log, nil) }

func (r *rebuild) migrate(ctx context.Context) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	return platform.Migrate(ctx, cfg.ClickHouse, r.log)
}

// note adds a step with the number of rows of reads there are now.
func (r *rebuild) note(ctx context.Context, what string, began time.Time) {
	s := step{what: what, took: time.Since(began)}
	_ = r.tables.Conn.QueryRow(ctx, "SELECT count() FROM `"+r.cmd.ClickhouseDatabase+"`.reads").Scan(&s.rows) // told as 0 when it cannot be
	r.steps = append(r.steps, s)
}

// replay runs the ordinary worker, mute and to the ends, as a group of its own.
func (r *rebuild) replay(ctx context.Context) (err error) {
	began := time.Now()
	cfg, err := r.config()
	if err != nil {
		return err
	}
	cfg.Conns = 4 * len(r.partitions)
	conn, err := cfg.Open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := sink.CheckWindow(ctx, conn, cfg.Database, dedupWindow); err != nil {
		return err
	}
	tables, err := sink.NewClickHouse(ctx, cfg)
	if err != nil {
		return err
	}
	defer tables.Close()
	group, err := source.Join(source.Config{
		Brokers: r.cmd.kafka().Brokers(), Topic: schemas.TopicReads, GroupID: r.name(), ClientID: "anpr-restore", Logger: r.log, Dial: r.cmd.kafka().Dial(),
	})
	if err != nil {
		return err
	}
	worker := ingest.New(ingest.Config{
		Partitions: len(r.partitions), Group: recovery.Group{ConsumerGroup: group, Ends: r.ends}, Sink: tables, Publisher: recovery.Mute{}, State: sink.NewState(conn),
		Versions: func() shard.Versions {
			registry := r.store.Current()
			return shard.Versions{Reference: registry, Engine: r.engines.For(registry.Cameras())}
		},
		BatchRows: r.cmd.batchRows, Logger: r.log, Metrics: ingest.NewMetrics(prometheus.NewRegistry()), ParkedAsk: 200 * time.Millisecond,
	})
	lost, err := r.knownLosses(ctx)
	if err != nil {
		return errors.Join(err, group.Close())
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- worker.Run(run) }()
	err = r.wait(ctx, done, func() error { return giveUpKnown(ctx, worker.Parked(), lost, sink.NewState(conn)) })
	cancel()
	err = errors.Join(err, group.Close(), <-done)
	if err != nil {
		return fmt.Errorf("rebuild from the log: %w; start the restore again to go on", err)
	}
	r.note(ctx, "rebuild from the log", began)
	if err := r.tables.Rebuilt(ctx, r.ends); err != nil {
		return err
	}
	return r.admin.DeleteGroup(ctx, r.name())
}

// wait returns when the rebuilding group has committed all that is to be rebuilt. parked deals with partitions that stand.
func (r *rebuild) wait(ctx context.Context, done chan error, parked func() error) error {
	said := time.Now()
	for {
		commits, err := r.books.Log.Commits(ctx, r.name(), schemas.TopicReads, r.partitions)
		left := int64(0)
		for p, end := range r.ends {
			if plan, err := ingest.ParsePlan(commits[p].Metadata, commits[p].Offset); end > 0 && (err != nil || plan.UnderWay() || plan.Start < end) {
				left += max(end-max(commits[p].Offset, 0), 1)
			}
		}
		if err == nil && left == 0 {
			return nil
		}
		if err := parked(); err != nil {
			return err
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			r.log.Info().Int64("records", left).Msg("rebuilding; records left")
		}
		select {
		case err := <-done:
			done <- err
			return errors.New("the worker ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// dropTrial removes the second copy of all plates that a rehearsal leaves, when asked to, and else says that it is there. An interrupted
// rehearsal keeps it, to go on.
func (r *rebuild) dropTrial(ctx context.Context, out io.Writer) error {
	db := r.cmd.ClickhouseDatabase
	if !r.cmd.Drop {
		_, _ = fmt.Fprintf(out, "database %s stays, a second copy of all plates: remove it as anpr_backup with DROP DATABASE %s SYNC, or rehearse with --drop\n", db, db)
		return nil
	}
	if err := execSQL(ctx, r.tables.Conn, "DROP DATABASE "+db+" SYNC"); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "database %s is removed\n", db)
	return nil
}

// compare proves the result.
func (r *rebuild) compare(ctx context.Context, out io.Writer) error {
	names := [2]string{r.cmd.Compare, r.cmd.ClickhouseDatabase}
	var sums [2]map[string]recovery.Sum
	for i, db := range names {
		var err error
		if sums[i], err = recovery.Sums(ctx, r.tables.Conn, db, r.ends); err != nil {
			return err
		}
	}
	if !recovery.Same(out, names, sums) {
		return fmt.Errorf("database %s differs from %s; if only decisions, offences and hits do, other versions of the catalogue or the reference data decided then: compare the columns catalogue_version and reference_version", names[1], names[0])
	}
	return nil
}
