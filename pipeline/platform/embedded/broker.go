package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// MaxBatchBytes is the largest record batch the embedded broker takes: 8 MiB of records and their framing.
const MaxBatchBytes = 8<<20 + 64<<10

// BrokerConfig describes the embedded broker. A zero field means the stated default; DataDir is required.
type BrokerConfig struct {
	Addr    string         // default 127.0.0.1:9092; a loopback host; port 0 chooses a free port
	DataDir string         // created when missing
	Topics  map[string]int // number of partitions by topic; an existing topic keeps the old number
	// The account for clients, with SCRAM-SHA-256. Without a user everybody on this machine may do everything, for
	// tests on made-up data.
	User, Password string
	Logger         zerolog.Logger // the zero value discards
}

// Broker is a Kafka-protocol broker with a single node in this process, and the log on disk. Acknowledged records,
// committed group offsets and their metadata are fsynced. Only TrimLog drops records. Every start reads the log by
// segment and partition, and keeps 72 bytes in memory for a batch. All methods are safe for concurrent use.
type Broker struct {
	addr    string
	dir     string // holds the log
	cfg     BrokerConfig
	cluster *kfake.Cluster
	lock    *os.File
	close   sync.Once
	closed  error
}

// StartBroker starts the broker and creates missing topics. The broker is not for production: a single node, a single
// user, loopback only.
func StartBroker(cfg BrokerConfig) (*Broker, error) {
	if cfg.DataDir == "" {
		return nil, fmt.Errorf("broker: no data directory; choose one with %s", FlagDataDir)
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:9092"
	}
	if err := makePrivateDir(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	host, port, err := claimPort(ctx, cfg.Addr, "broker", FlagKafka)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("broker: it may not listen on %s, what it sends is not encrypted; give %s a loopback address, or use Apache Kafka", host, FlagKafka)
	}
	lock, err := lockDir(ctx, cfg.DataDir, "broker.lock", 5*time.Second)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("broker: another broker runs on %s; stop it, or choose another directory with %s: %w", cfg.DataDir, FlagDataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b := &Broker{addr: net.JoinHostPort(host, strconv.Itoa(port)), dir: filepath.Join(cfg.DataDir, "kafka"), cfg: cfg, lock: lock}
	if b.cluster, err = newCluster(&cfg, b.addr, port); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	ready, stop := context.WithTimeout(context.Background(), 30*time.Second) // the log is read by now
	defer stop()
	if err := b.createTopics(ready, &cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("broker: %w", err), b.Close())
	}
	debug.FreeOSMemory() // reading the whole log left much garbage
	cfg.Logger.Info().Str("addr", b.addr).Int("topics", len(cfg.Topics)).Msg("embedded broker answers")
	return b, nil
}

// brokerSettings returns the settings for every start. The broker stores the settings at shutdown, and a newer version
// of this program must win. The broker's retention is off for records and committed offsets, because retention would
// drop unprocessed records; see TrimLog.
func brokerSettings() map[string]string {
	return map[string]string{
		"message.max.bytes":         strconv.Itoa(MaxBatchBytes),
		"log.retention.ms":          "-1",
		"log.retention.bytes":       "-1",
		"offsets.retention.minutes": strconv.Itoa(10 * 365 * 24 * 60), // ten years; the setting has no "never"
		"log.segment.bytes":         strconv.Itoa(segmentBytes),
	}
}

func newCluster(cfg *BrokerConfig, addr string, port int) (*kfake.Cluster, error) {
	dir := filepath.Join(cfg.DataDir, "kafka")
	if err := renewSnapshots(dir); err != nil {
		cfg.Logger.Warn().Err(err).Msg("the broker reads its whole log into memory for this start")
	}
	// With the old file the broker would accept the users of the previous run.
	if err := os.Remove(filepath.Join(dir, "sasl.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("broker: forget the old users: %w", err)
	}
	opts := []kfake.Opt{
		kfake.Ports(port), // a single port makes a single broker
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := net.Listen(network, addr) //nolint:noctx // the signature is kfake's
			if err != nil {
				return nil, portError(err, addr, "broker", FlagKafka)
			}
			return l, nil
		}),
		kfake.ClusterID("anpr-embedded"),
		kfake.DataDir(dir),
		kfake.SyncWrites(),
		kfake.BrokerConfigs(brokerSettings()),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.GroupMaxSessionTimeout(5 * time.Minute),
		kfake.WithLogger(brokerLog{cfg.Logger}),
	}
	if cfg.User != "" {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", cfg.User, cfg.Password))
	}
	// Reading the log makes nothing but garbage besides the index. Rare collections would double the memory of the
	// process for good.
	before := debug.SetGCPercent(20)
	c, err := kfake.NewCluster(opts...)
	debug.SetGCPercent(before)
	if err != nil {
		return nil, fmt.Errorf("broker: start on %s: %w", cfg.DataDir, err)
	}
	return c, nil
}

// createTopics makes missing topics. A topic with another number of partitions is kept, because a new number would
// move plates to other partitions.
func (b *Broker) createTopics(ctx context.Context, cfg *BrokerConfig) error {
	topics, log := cfg.Topics, cfg.Logger
	if len(topics) == 0 {
		return nil
	}
	cl, err := b.newClient(cfg)
	if err != nil {
		return fmt.Errorf("connect to itself: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	existing, err := adm.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		want := topics[name]
		if want < 1 {
			return fmt.Errorf("topic %s: %d partitions, want at least 1", name, want)
		}
		if existing.Has(name) {
			if have := len(existing[name].Partitions); have != want {
				log.Warn().Str("topic", name).Int("have", have).Int("asked", want).
					Msg("the topic keeps the partitions it was created with; start on a new data directory to change them")
			}
			continue
		}
		_, err := adm.CreateTopic(ctx, int32(want), 1, nil, name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	return nil
}

// newClient connects to the broker under the configured account.
func (b *Broker) newClient(cfg *BrokerConfig) (*kgo.Client, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(b.addr)}
	if cfg.User != "" {
		opts = append(opts, kgo.SASL(scram.Auth{User: cfg.User, Pass: cfg.Password}.AsSha256Mechanism()))
	}
	return kgo.NewClient(opts...)
}

// Addr returns host:port, for kafka-go.
func (b *Broker) Addr() string { return b.addr }

// Close writes the broker's state and stops the broker. Later calls return the same result.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.cluster.Close()
		b.closed = b.lock.Close()
	})
	return b.closed
}

// brokerLog passes on errors and warnings of kfake and drops informational lines.
type brokerLog struct{ log zerolog.Logger }

// Logf implements [kfake.Logger].
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	var e *zerolog.Event
	switch level {
	case kfake.LogLevelError:
		e = l.log.Error()
	case kfake.LogLevelWarn:
		e = l.log.Warn()
	case kfake.LogLevelInfo, kfake.LogLevelDebug, kfake.LogLevelNone:
		return
	default:
		return
	}
	e.Msgf("broker: "+format, args...)
}
