package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
)

// job is all a worker needs to know.
type job struct {
	Kafka, ClickHouse, Database string
	Topic, Group, Reference     string
	Partitions, BatchRows       int
	Linger                      time.Duration
	Session                     time.Duration // 0: session
	InsertTimeout               time.Duration // 0: the sink's
	Catalogue                   string        // directory; "": the built-in catalogue
	Fault                       fault
}

// session is the time that a silent worker keeps its partitions.
const session = 1500 * time.Millisecond

// run works until ctx ends. It is wired as `anpr ingest` is.
func (j job) run(ctx context.Context, t *tap, log zerolog.Logger) (err error) {
	from := rules.Brussels()
	if j.Catalogue != "" {
		from = os.DirFS(j.Catalogue)
	}
	catalogue, err := rules.Load(from)
	if err != nil {
		return err
	}
	snapshot, err := reference.Load(j.Reference)
	if err != nil {
		return err
	}
	cfg := sink.Config{
		ClickHouse:    platform.ClickHouse{Addr: j.ClickHouse, Database: j.Database, DialTimeout: cmp.Or(j.InsertTimeout, 30*time.Second)},
		Conns:         4 * j.Partitions,
		Logger:        log,
		InsertTimeout: j.InsertTimeout,
		Breaker:       sink.Breaker{OpenFor: 200 * time.Millisecond, MaxWait: 300 * time.Millisecond},
	}
	conn, err := cfg.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tables, err := sink.NewClickHouse(ctx, cfg)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before the start
	}
	if err != nil {
		return err
	}
	defer tables.Close()
	topics, err := sink.NewKafkaPublisher(sink.PublisherConfig{Addr: j.Kafka, Logger: log})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = topics.Close(ctx) // unacknowledged messages are not committed either
	}()
	group, err := source.Join(source.Config{
		Brokers: brokersOf(j.Kafka), Topic: j.Topic, GroupID: j.Group, SessionTimeout: cmp.Or(j.Session, session), MaxWait: 50 * time.Millisecond, Logger: log,
	})
	if err != nil {
		return err
	}
	engine := rules.NewEngine(catalogue, snapshot.Cameras())
	worker := ingest.New(ingest.Config{
		Topic: j.Topic, Partitions: j.Partitions, Group: tappedGroup{group, t}, Sink: tappedSink{tables, t}, Publisher: topics,
		State: tappedState{sink.NewStoredState(conn), t}, Versions: func() shard.Versions { return shard.Versions{Reference: snapshot, Engine: engine} },
		Dedup: dedup.Config{RepeatIDs: 1 << 14}, BatchRows: j.BatchRows, Linger: j.Linger, TickAfter: time.Hour,
		Logger: log, Metrics: ingest.NewMetrics(prometheus.NewRegistry()),
	})
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	select {
	case err := <-ended:
		return errors.Join(err, group.Close())
	case <-ctx.Done():
	}
	return errors.Join(group.Close(), <-ended) // leaving the group ends the worker's partitions
}

// workerMain is a worker process. It ends in good order when its standard input does, and so does not outlive the test.
func workerMain(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, "job:", err)
		return 2
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log := zerolog.New(os.Stderr).Level(zerolog.InfoLevel).With().Timestamp().Int("pid", os.Getpid()).Logger()
	if err := j.run(ctx, &tap{out: os.Stdout, fault: j.Fault}, log); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}
