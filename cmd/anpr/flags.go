package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Flag groups shared by the roles. They are the only place where settings enter; packages get Config structs.

// brokerFlags say which Kafka.
type brokerFlags struct {
	KafkaAddr string `help:"Kafka brokers, host:port, comma-separated. Default: the broker of the anpr up on --data when one runs, else 127.0.0.1:9092." env:"ANPR_KAFKA_ADDR"`

	kafkaUser platform.Account // of the embedded broker
}

// kafka says where the broker is, and as whom to ask it.
func (f *brokerFlags) kafka() platform.Kafka {
	return platform.Kafka{Addr: f.KafkaAddr, Account: f.kafkaUser}
}

type kafkaFlags struct {
	brokerFlags
	Partitions int `help:"Partitions of anpr.reads.v1 when it is created; a shard each." default:"4" env:"ANPR_PARTITIONS"`
}

type clickhouseFlags struct {
	ClickhouseAddr     string        `help:"ClickHouse native protocol, host:port; several, comma-separated, are replicas of the same tables: one is used at a time, and left when it takes no inserts. Default: the engine of the anpr up on --data when one runs, else 127.0.0.1:9000." env:"ANPR_CLICKHOUSE_ADDR"`
	ClickhouseDatabase string        `help:"Database; created by migrate." default:"anpr" env:"ANPR_CLICKHOUSE_DATABASE"`
	ClickhouseUser     string        `help:"User. Default: the one for this job of the anpr up on --data, else default." env:"ANPR_CLICKHOUSE_USER"`
	ClickhousePassword string        `help:"Deprecated on the command line, which every user of the machine can read: give it in the environment, or in a file." env:"ANPR_CLICKHOUSE_PASSWORD"`
	PasswordFile       string        `name:"clickhouse-password-file" help:"File with the password." type:"path" env:"ANPR_CLICKHOUSE_PASSWORD_FILE"`
	InsertCompression  string        `help:"auto is off on loopback, lz4 otherwise; off also pays from 4 Gb/s on." enum:"auto,off,lz4" default:"auto" env:"ANPR_INSERT_COMPRESSION"`
	InsertTimeout      time.Duration `help:"Longest wait for one insert before it is tried again." default:"30s" env:"ANPR_INSERT_TIMEOUT"`
}

func (f clickhouseFlags) config(log zerolog.Logger, m *sink.Metrics) (sink.Config, error) {
	c, err := platform.ParseCompression(f.InsertCompression)
	if err != nil {
		return sink.Config{}, err
	}
	password := f.ClickhousePassword
	if f.PasswordFile != "" {
		text, err := os.ReadFile(f.PasswordFile)
		if err != nil {
			return sink.Config{}, adviseRights(fmt.Errorf("--clickhouse-password-file: %w", err))
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	return sink.Config{
		ClickHouse:    platform.ClickHouse{Addr: cmp.Or(f.ClickhouseAddr, defaultClickhouse), Database: f.ClickhouseDatabase, User: f.ClickhouseUser, Password: password, Compression: c},
		InsertTimeout: f.InsertTimeout,
		Logger:        log,
		Metrics:       m,
	}, nil
}

type referenceFlags struct {
	Reference   string `help:"Directory of the reference data: cameras, vehicles, lists, exemptions, passes." type:"path" env:"ANPR_REFERENCE"`
	Catalogue   string `help:"Directory of the rule catalogue; empty = the built-in Brussels one." type:"path" env:"ANPR_CATALOGUE"`
	Index       string `name:"reference-index" help:"Directory of compiled vehicles and lists, which the next start maps instead of parsing; empty = $CACHE_DIRECTORY or the user's cache, off = none." env:"ANPR_REFERENCE_INDEX"`
	AllowShrink bool   `help:"Take reference data that lost more than half of a file." env:"ANPR_ALLOW_SHRINK"`
}

type pipelineFlags struct {
	Linger        time.Duration `help:"How long a batch waits for company before it is inserted." default:"100ms" env:"ANPR_LINGER"`
	LingerFew     time.Duration `help:"How long a batch of fewer than 100 rows waits: small inserts cost ClickHouse most. Hits never wait." default:"500ms" env:"ANPR_LINGER_FEW"`
	BatchRows     int           `help:"Rows after which a batch does not wait. Only a backlog fills it: then large inserts cost ClickHouse least, and each partition holds two such batches, about 15 MiB each at the default." default:"50000" env:"ANPR_BATCH_ROWS"`
	PartitionRate readRate      `help:"Reads a second of one partition that the stream memory has room for, 100 to 100000, the same for all workers; beyond it a read that a camera sends again within ten minutes may be stored twice. Memory grows with it: at 800, 16 MiB a partition at once and up to 140 MiB as vehicles come." default:"800" env:"ANPR_PARTITION_RATE"`
	Group         string        `help:"Consumer group." default:"anpr-ingest" env:"ANPR_GROUP"`
	// ProfileWaits costs nothing when it is 0.
	ProfileWaits time.Duration `help:"Sample one wait in so much time waited, for /debug/pprof/block, and one in ten contended locks, for /debug/pprof/mutex; 0 = neither." default:"0" env:"ANPR_PROFILE_WAITS"`
	// MaxMessage bounds what goes to the dead-letter topic whole.
	MaxMessage int `help:"Largest record that the output topics take, bytes; a larger dead letter is cut and its SHA-256 kept." default:"1000000" env:"ANPR_MAX_MESSAGE"`
}

// readRate is reads a second of one partition; 0 = the default, which only code can ask for.
type readRate int

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *readRate) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < dedup.LeastRate || n > dedup.MostRate {
		return fmt.Errorf("%q is no rate: --partition-rate (ANPR_PARTITION_RATE) takes whole reads a second of one partition, %d to %d; for more, give the topic more partitions", text, dedup.LeastRate, dedup.MostRate)
	}
	*r = readRate(n)
	return nil
}

type gatewayFlags struct {
	GatewayAddr   string   `help:"Address of the camera gateway. Default 127.0.0.1:8081." env:"ANPR_GATEWAY_ADDR"`
	DigestSecrets string   `help:"File of the secrets of cameras that authenticate with Digest; default secrets/camera-digest.csv in the reference directory, which need not be there." type:"path" env:"ANPR_DIGEST_SECRETS"`
	TrustedProxy  []string `help:"Addresses of the proxies in front, such as 10.0.0.5 or 10.0.0.0/29, comma-separated: their X-Forwarded-For says where a camera sends from. Nobody else's counts." env:"ANPR_TRUSTED_PROXY"`
	SubjectHeader string   `name:"client-subject-header" help:"Header in which a trusted proxy names the client certificate that it verified; it must replace what the camera wrote." env:"ANPR_CLIENT_SUBJECT_HEADER"`
	Images        string   `help:"Directory of the image store." type:"path" env:"ANPR_IMAGES"`
	KeepUnread    bool     `help:"Store the pictures of vehicles whose plate the camera did not read; the log names them." env:"ANPR_KEEP_UNREAD"`
	Receipts      string   `help:"Directory of the receipts: a list, independent of the log, of every record that the broker acknowledged. Without it, anpr reconcile cannot tell what was accepted." type:"path" env:"ANPR_RECEIPTS"`
}

type officeFlags struct {
	OfficeAddr   string `help:"Address of the query API. Default 127.0.0.1:8080." env:"ANPR_OFFICE_ADDR"`
	PseudonymKey string `help:"File with the secret of the pseudonyms that stand for ids and seals where plates are not shown; made when it is not there. Default secrets/pseudonyms.key in the reference directory." type:"path" env:"ANPR_PSEUDONYM_KEY"`

	Users string `help:"File of the office's users; default users.yaml in the reference directory." type:"path" env:"ANPR_USERS"`
}

type opsFlags struct {
	OpsAddr  string         `help:"Address of /metrics, /healthz, /readyz, /debug/ and /receipts/. Default 127.0.0.1:6060." env:"ANPR_OPS_ADDR"`
	OpsAllow []netip.Prefix `help:"Networks that may ask for /debug/ and /receipts/ too, beside this machine: the one of anpr reconcile. Example: 10.1.2.0/28" env:"ANPR_OPS_ALLOW"`
	OpsHosts []string       `help:"Names with a dot under which others ask, beside the name of this machine. Addresses and names without a dot need not be named." env:"ANPR_OPS_HOSTS"`
}

// access says who may see more of the process.
func (f *opsFlags) access() platform.OpsAccess {
	return platform.OpsAccess{Allow: f.OpsAllow, Hosts: f.OpsHosts}
}

// engineFlags are those of the embedded engine.
type engineFlags struct {
	Data           string   `help:"Directory of everything this machine keeps: log, tables, images, reference data. Default anpr-data; for the demo a temporary one." type:"path" env:"ANPR_DATA"`
	PortBase       portBase `help:"First of six ports in a row for all that listens: office, gateway, ops, broker, ClickHouse and, if it is asked for, its HTTP. Addresses given by themselves count first." env:"ANPR_PORT_BASE"`
	ClickhouseHTTP string   `name:"clickhouse-http-addr" help:"Address of the embedded engine's HTTP protocol, for curl and other tools; base = 127.0.0.1:8123, or the sixth port of --port-base. Default: it is not opened." env:"ANPR_CLICKHOUSE_HTTP_ADDR"`
	MaxMemory      int64    `name:"clickhouse-memory" help:"Bytes the embedded engine may use; 0 = 40 % of the machine." default:"0" env:"ANPR_CLICKHOUSE_MEMORY"`
	Backups        string   `help:"Directory of the engine's backups, best on another disk; default backups in the data directory." type:"path" env:"ANPR_BACKUPS"`
	Fsync          bool     `help:"Every insert is on the disk before its offset is committed, so a power cut loses nothing either." default:"true" negatable:"" env:"ANPR_FSYNC"`
	LogDays        float64  `help:"Days that the embedded broker's log is kept; 0 = for ever. What the pipeline still needs is kept whatever the limits." default:"7" env:"ANPR_LOG_DAYS"`
	LogBytes       int64    `help:"Bytes that the embedded broker's log may take; 0 = any. Then the oldest records go." default:"2000000000" env:"ANPR_LOG_BYTES"`
	LogBatches     int64    `help:"Record batches that the log may hold; 0 = any. Each takes 72 bytes of memory; at a small site it is one read." default:"2500000" env:"ANPR_LOG_BATCHES"`
	Cache          string   `help:"Directory the engine is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// portBase is the first of the ports of one machine, or 0.
type portBase uint16

// portsInRow is how many there are.
const portsInRow = 6

// UnmarshalText reads a number from 1 to the last that leaves room for all; 0 = none.
func (p *portBase) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if last := 1<<16 - portsInRow; err != nil || n < 0 || n > last {
		return fmt.Errorf("%.40q: want a port from 1 to %d; it and the %d after it are taken", text, last, portsInRow-1)
	}
	*p = portBase(n)
	return nil
}

// logTime is the time of a log line: date, milliseconds and the zone of the machine.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// setLogForms gives times a date and a zone and durations a unit, in the logs of the whole process. It is called once, before anything
// is logged.
func setLogForms() {
	zerolog.TimeFieldFormat = logTime
	zerolog.DurationFieldFormat = zerolog.DurationFormatString
}

func newLogger(level string, json bool) (zerolog.Logger, error) {
	return newLoggerTo(os.Stderr, level, json, isTerminal(os.Stderr))
}

func newLoggerTo(out io.Writer, level string, json, colour bool) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		return zerolog.Nop(), fmt.Errorf("--log-level %q: want trace, debug, info, warn or error", level)
	}
	var w io.Writer = zerolog.ConsoleWriter{Out: out, TimeFormat: logTime, NoColor: !colour}
	if json {
		w = out
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), nil
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// under returns path, or name below dir when path is empty.
func under(path, dir, name string) string {
	if path != "" {
		return path
	}
	return filepath.Join(dir, name)
}
