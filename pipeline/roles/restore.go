package roles

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// RestoreConfig describes the rebuilding of tables.
type RestoreConfig struct {
	Kafka         platform.Kafka
	Tables        platform.ClickHouse // names the database to make
	InsertTimeout time.Duration
	Disk          string // holds the backups
	Catalogue     string
	Signers       string // file of those who approve a catalogue; empty = none need to
	BatchRows     int    // 0 = the pipeline's default

	Group, FromBackup, BackedUp, Compare string // as in recovery.RebuildConfig
	Drop                                 bool
	Lost                                 []string

	Store *reference.Store
	Log   zerolog.Logger
}

// Restore rebuilds tables.
type Restore struct {
	*recovery.Rebuild

	cfg       RestoreConfig
	catalogue *rules.Catalogue
	log       *reconcile.KafkaLog
	conn      driver.Conn
}

// OpenRestore makes a restore for Run. The caller closes the restore.
func OpenRestore(c RestoreConfig) (*Restore, error) {
	catalogue, err := loadApprovedCatalogue(c.Catalogue, c.Signers, c.Log)
	if err != nil {
		return nil, err
	}
	at := c.Tables
	at.Database = "default" // the database to restore may be missing
	conn, err := at.Open()
	if err != nil {
		return nil, err
	}
	r := &Restore{cfg: c, catalogue: catalogue, log: reconcile.NewLog(c.Kafka), conn: conn}
	r.Rebuild = recovery.NewRebuild(recovery.RebuildConfig{
		Log: r.log, Tables: recovery.BackupStore{Conn: conn, Disk: c.Disk, Database: c.Tables.Database}, Group: c.Group, FromBackup: c.FromBackup, BackedUp: c.BackedUp,
		Compare: c.Compare, Drop: c.Drop, Lost: c.Lost, Work: r.startWorker, Logger: c.Log,
		Migrate: func(ctx context.Context) error { return platform.Migrate(ctx, c.Tables, c.Log) },
	})
	return r, nil
}

// Close closes the connections.
func (r *Restore) Close() error {
	r.log.Close()
	return r.conn.Close()
}

// restoreWorker is the ordinary worker with a mute publisher and fixed ends, in a separate consumer group.
type restoreWorker struct {
	*ingest.Worker
	*sink.StoredState

	conn   driver.Conn
	tables *sink.ClickHouse
	group  *source.KafkaGroup
	follow *catalogues
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid when done is closed
}

func (r *Restore) startWorker(ctx context.Context, group string, ends map[int32]int64) (_ recovery.RebuildWorker, err error) {
	c := &r.cfg
	cfg := insertConfig(c.Tables, c.InsertTimeout, len(ends), c.Log)
	w := &restoreWorker{done: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.closeConnections())
		}
	}()
	if w.conn, err = c.Tables.Open(); err != nil {
		return nil, err
	}
	if err := sink.CheckWindow(ctx, w.conn, c.Tables.Database, dedupWindow); err != nil {
		return nil, err
	}
	if w.tables, err = sink.NewClickHouse(ctx, cfg); err != nil {
		return nil, err
	}
	w.group, err = source.Join(source.Config{
		Brokers: c.Kafka.Brokers(), Topic: schemas.TopicReads, GroupID: group, ClientID: "anpr-restore", Logger: c.Log, Dial: c.Kafka.Dialer(),
	})
	if err != nil {
		return nil, err
	}
	w.StoredState = sink.NewStoredState(w.conn)
	w.follow = followCatalogues(ctx, c.Kafka, r.catalogue, c.Store, c.Signers, "restore", nil, c.Log)
	w.Worker = ingest.New(ingest.Config{
		Partitions: len(ends), Group: recovery.ShortenedGroup{ConsumerGroup: w.group, Ends: ends}, Sink: w.tables, Publisher: recovery.MutePublisher{}, State: w.StoredState,
		Versions: func() shard.Versions {
			registry := c.Store.Current()
			return shard.Versions{Reference: registry, Engine: w.follow.start.engines.For(registry.Cameras())}
		},
		Activations: w.follow,
		BatchRows:   c.BatchRows, Logger: c.Log, Metrics: ingest.NewMetrics(prometheus.NewRegistry()), ParkedAsk: 200 * time.Millisecond,
	})
	run, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	go func() {
		defer close(w.done)
		w.err = w.Run(run)
	}()
	return w, nil
}

// Done is closed when the worker has ended.
func (w *restoreWorker) Done() <-chan struct{} { return w.done }

// Stop ends the worker. The next start of the restore processes uncommitted records again.
func (w *restoreWorker) Stop(context.Context) error {
	w.cancel()
	left := w.group.Close()
	<-w.done
	w.group = nil
	return errors.Join(left, w.err, w.closeConnections())
}

func (w *restoreWorker) closeConnections() (err error) {
	if w.group != nil {
		err = w.group.Close()
	}
	if w.follow != nil {
		w.follow.Close()
	}
	if w.tables != nil {
		w.tables.Close()
	}
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return err
}
