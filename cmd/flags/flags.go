// Package flags holds the flag groups that the programs share, and turns flags into configurations for the roles.
// Settings enter only here; other packages get Config structs. A flag has the same name, default and environment
// variable in every command.
package flags

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
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// BrokerFlags name the Kafka.
type BrokerFlags struct {
	KafkaAddr string `help:"Kafka brokers, host:port, comma-separated. Default: the broker of the anpr up on --data when one runs, else 127.0.0.1:9092." env:"ANPR_KAFKA_ADDR"`

	account platform.Account // for the embedded broker
}

// Kafka returns address and account of the broker.
func (f *BrokerFlags) Kafka() platform.Kafka {
	return platform.Kafka{Addr: f.KafkaAddr, Account: f.account}
}

// KafkaFlags name the Kafka and the number of partitions.
type KafkaFlags struct {
	BrokerFlags
	Partitions int `help:"Partitions of anpr.reads.v1 when it is created; a shard each." default:"4" env:"ANPR_PARTITIONS"`
}

// ClickHouseFlags name the ClickHouse, the account, and the compression of inserts.
type ClickHouseFlags struct {
	ClickhouseAddr     string        `help:"ClickHouse native protocol, host:port; several, comma-separated, are replicas of the same tables: one is used at a time, and left when it takes no inserts. Default: the engine of the anpr up on --data when one runs, else 127.0.0.1:9000." env:"ANPR_CLICKHOUSE_ADDR"`
	ClickhouseDatabase string        `help:"Database; created by migrate." default:"anpr" env:"ANPR_CLICKHOUSE_DATABASE"`
	ClickhouseUser     string        `help:"User. Default: the one for this job of the anpr up on --data, else default." env:"ANPR_CLICKHOUSE_USER"`
	ClickhousePassword string        `help:"Deprecated on the command line, which every user of the machine can read: give it in the environment, or in a file." env:"ANPR_CLICKHOUSE_PASSWORD"`
	PasswordFile       string        `name:"clickhouse-password-file" help:"File with the password." type:"path" env:"ANPR_CLICKHOUSE_PASSWORD_FILE"`
	InsertCompression  string        `help:"auto is off on loopback, lz4 otherwise; off also pays from 4 Gb/s on." enum:"auto,off,lz4" default:"auto" env:"ANPR_INSERT_COMPRESSION"`
	InsertTimeout      time.Duration `help:"Longest wait for one insert before it is tried again." default:"30s" env:"ANPR_INSERT_TIMEOUT"`
}

// ClickHouse returns address and account of the tables.
func (f *ClickHouseFlags) ClickHouse() (platform.ClickHouse, error) {
	c, err := platform.ParseCompression(f.InsertCompression)
	if err != nil {
		return platform.ClickHouse{}, err
	}
	password := f.ClickhousePassword
	if f.PasswordFile != "" {
		text, err := os.ReadFile(f.PasswordFile)
		if err != nil {
			return platform.ClickHouse{}, platform.AdviseRights(fmt.Errorf("--clickhouse-password-file: %w", err))
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	return platform.ClickHouse{
		Addr: cmp.Or(f.ClickhouseAddr, DefaultClickHouse), Database: f.ClickhouseDatabase, User: f.ClickhouseUser, Password: password, Compression: c,
	}, nil
}

// PostgresFlags name the PostgreSQL for the work of people: look-ups, cases, approvals.
type PostgresFlags struct {
	Postgres             string `help:"PostgreSQL of the office, postgres://USER@HOST:PORT/DATABASE; several hosts, comma-separated, are a primary and its standbys. Beyond this machine it must show a valid certificate unless sslmode= says otherwise. Default: the one of the anpr up on --data when one runs, else postgres://anpr_office@127.0.0.1:5433/anpr." env:"ANPR_POSTGRES"`
	PostgresPassword     string `hidden:"" help:"Its password: in the environment or a file, never on the command line." env:"ANPR_POSTGRES_PASSWORD"`
	PostgresPasswordFile string `help:"File with its password." type:"path" env:"ANPR_POSTGRES_PASSWORD_FILE"`
}

// PostgresDatabase returns address and account of the database; zero when no database was named.
func (f *PostgresFlags) PostgresDatabase() (platform.Postgres, error) {
	if f.Postgres == "" {
		return platform.Postgres{}, nil
	}
	password := f.PostgresPassword
	if f.PostgresPasswordFile != "" {
		text, err := os.ReadFile(f.PostgresPasswordFile)
		if err != nil {
			return platform.Postgres{}, platform.AdviseRights(fmt.Errorf("--postgres-password-file: %w", err))
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	p, err := platform.ParsePostgres(f.Postgres, password)
	if err != nil {
		return p, fmt.Errorf("--postgres (ANPR_POSTGRES): %w", err)
	}
	return p, nil
}

// ReferenceFlags name the directories of reference data and catalogue.
type ReferenceFlags struct {
	Reference   string `help:"Directory of the reference data: cameras, vehicles, lists, exemptions, passes." type:"path" env:"ANPR_REFERENCE"`
	Catalogue   string `help:"Directory or archive (.zip) of the rule catalogue; empty = the built-in Brussels one." type:"path" env:"ANPR_CATALOGUE"`
	Signers     string `name:"catalogue-signers" help:"File of the people who approve rule catalogues: one of --catalogue must then be signed by two of them (anpr rules sign)." type:"path" env:"ANPR_CATALOGUE_SIGNERS"`
	Index       string `name:"reference-index" help:"Directory of compiled vehicles and lists, which the next start maps instead of parsing; empty = $CACHE_DIRECTORY or the user's cache, off = none." env:"ANPR_REFERENCE_INDEX"`
	AllowShrink bool   `help:"Take reference data that lost more than half of a file." env:"ANPR_ALLOW_SHRINK"`
}

// PipelineFlags configure the worker.
type PipelineFlags struct {
	Linger        time.Duration `help:"How long a batch waits for company before it is inserted." default:"100ms" env:"ANPR_LINGER"`
	LingerFew     time.Duration `help:"How long a batch of fewer than 100 rows waits: small inserts cost ClickHouse most. Hits never wait." default:"500ms" env:"ANPR_LINGER_FEW"`
	BatchRows     int           `help:"Rows after which a batch does not wait. Only a backlog fills it: then large inserts cost ClickHouse least, and each partition holds two such batches, about 15 MiB each at the default." default:"50000" env:"ANPR_BATCH_ROWS"`
	PartitionRate ReadRate      `help:"Reads a second of one partition that the stream memory has room for, 100 to 100000, the same for all workers; beyond it a read that a camera sends again within ten minutes may be stored twice. Memory grows with it: at 800, 16 MiB a partition at once and up to 140 MiB as vehicles come." default:"800" env:"ANPR_PARTITION_RATE"`
	Group         string        `help:"Consumer group." default:"anpr-ingest" env:"ANPR_GROUP"`
	// ProfileWaits at 0 costs nothing.
	ProfileWaits time.Duration `help:"Sample one wait in so much time waited, for /debug/pprof/block, and one in ten contended locks, for /debug/pprof/mutex; 0 = neither." default:"0" env:"ANPR_PROFILE_WAITS"`
	// MaxMessage bounds a record that goes whole to the dead-letter topic.
	MaxMessage int `help:"Largest record that the output topics take, bytes; a larger dead letter is cut and its SHA-256 kept." default:"1000000" env:"ANPR_MAX_MESSAGE"`
}

// ReadRate is reads a second of a partition; 0 = the default, available to code only.
type ReadRate int

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ReadRate) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < dedup.LeastRate || n > dedup.MostRate {
		return fmt.Errorf("%q is no rate: --partition-rate (ANPR_PARTITION_RATE) takes whole reads a second of one partition, %d to %d; for more, give the topic more partitions", text, dedup.LeastRate, dedup.MostRate)
	}
	*r = ReadRate(n)
	return nil
}

// GatewayFlags configure the camera gateway.
type GatewayFlags struct {
	GatewayAddr   string   `help:"Address of the camera gateway. Default 127.0.0.1:8081." env:"ANPR_GATEWAY_ADDR"`
	DigestSecrets string   `help:"File of the secrets of cameras that authenticate with Digest; default secrets/camera-digest.csv in the reference directory, which need not be there." type:"path" env:"ANPR_DIGEST_SECRETS"`
	TrustedProxy  []string `help:"Addresses of the proxies in front, such as 10.0.0.5 or 10.0.0.0/29, comma-separated: their X-Forwarded-For says where a camera sends from. Nobody else's counts." env:"ANPR_TRUSTED_PROXY"`
	SubjectHeader string   `name:"client-subject-header" help:"Header in which a trusted proxy names the client certificate that it verified; it must replace what the camera wrote." env:"ANPR_CLIENT_SUBJECT_HEADER"`
	KeepUnread    bool     `help:"Store the pictures of vehicles whose plate the camera did not read; the log names them." env:"ANPR_KEEP_UNREAD"`
	Receipts      string   `help:"Directory of the receipts: a list, independent of the log, of every record that the broker acknowledged. Without it, anpr reconcile cannot tell what was accepted." type:"path" env:"ANPR_RECEIPTS"`
}

// OfficeFlags configure the office.
type OfficeFlags struct {
	OfficeAddr   string `help:"Address of the query API. Default 127.0.0.1:8080." env:"ANPR_OFFICE_ADDR"`
	PseudonymKey string `help:"File with the secret of the pseudonyms that stand for ids and seals where plates are not shown; made when it is not there. Default secrets/pseudonyms.key in the reference directory." type:"path" env:"ANPR_PSEUDONYM_KEY"`
	LookUpKeys   string `name:"lookup-keys" help:"Directory with the keys of the look-up log and the Merkle log of its heads, made when missing. All offices of a database have the same keys. Default look-ups in the data directory, without one secrets/look-ups in the reference directory." type:"path" env:"ANPR_LOOKUP_KEYS"`

	Chromium string `help:"Chromium that prints the dossiers of evidence bundles as PDF. Default the one of this machine; without one a bundle has its dossier as HTML alone." env:"ANPR_CHROMIUM"`

	TimeStamps string `name:"time-stamp-authority" help:"Address of an RFC 3161 authority that stamps evidence bundles; it is sent a SHA-256 alone. Default none: then a bundle says that it has no time stamp." env:"ANPR_TIME_STAMP_AUTHORITY"`

	HandoverDir string `name:"handover-dir" help:"Directory in which recipients find batches of cases and notices of annulments, a directory a track, and put their answers. Offices that share it may all name it. Default none: then batches are fetched with anpr cases transmissions." type:"path" env:"ANPR_HANDOVER_DIR"`

	SignInFlags

	Users string `help:"File of the office's users; default users.yaml in the reference directory." type:"path" env:"ANPR_USERS"`
}

// OpsFlags name the ops port of a process, and the networks and host names with access.
type OpsFlags struct {
	OpsAddr  string         `help:"Address of /metrics, /healthz, /readyz, /debug/ and /receipts/. Default 127.0.0.1:6060." env:"ANPR_OPS_ADDR"`
	OpsAllow []netip.Prefix `help:"Networks that may ask for /debug/ and /receipts/ too, beside this machine: the one of anpr reconcile. Example: 10.1.2.0/28" env:"ANPR_OPS_ALLOW"`
	OpsHosts []string       `help:"Names with a dot under which others ask, beside the name of this machine. Addresses and names without a dot need not be named." env:"ANPR_OPS_HOSTS"`
}

// Access returns the networks and host names with access to the ops port.
func (f *OpsFlags) Access() platform.OpsAccess {
	return platform.OpsAccess{Allow: f.OpsAllow, Hosts: f.OpsHosts}
}

// Standalone returns the configuration of a role that is a process of its own.
func (f *OpsFlags) Standalone(at roles.Port) roles.Standalone {
	return roles.Standalone{OpsAddr: cmp.Or(f.OpsAddr, DefaultOps), Access: f.Access(), Port: at}
}

// EngineFlags configure the embedded engine.
type EngineFlags struct {
	Data           string   `help:"Directory of everything this machine keeps: log, tables, images, reference data. Default anpr-data; for the demo a temporary one." type:"path" env:"ANPR_DATA"`
	PortBase       PortBase `help:"First of seven ports in a row for all that listens: office, gateway, ops, broker, ClickHouse, its HTTP if it is asked for, and PostgreSQL. Addresses given by themselves count first." env:"ANPR_PORT_BASE"`
	ClickhouseHTTP string   `name:"clickhouse-http-addr" help:"Address of the embedded engine's HTTP protocol, for curl and other tools; base = 127.0.0.1:8123, or the sixth port of --port-base. Default: it is not opened." env:"ANPR_CLICKHOUSE_HTTP_ADDR"`
	PostgresAddr   string   `help:"Address of the embedded PostgreSQL. Default 127.0.0.1:5433, or the seventh port of --port-base; nothing listens there when --postgres names another." env:"ANPR_POSTGRES_ADDR"`
	MaxMemory      int64    `name:"clickhouse-memory" help:"Bytes the embedded engine may use; 0 = 40 % of the machine." default:"0" env:"ANPR_CLICKHOUSE_MEMORY"`
	Backups        string   `help:"Directory of the engine's backups, best on another disk; default backups in the data directory." type:"path" env:"ANPR_BACKUPS"`
	Fsync          bool     `help:"Every insert is on the disk before its offset is committed, so a power cut loses nothing either." default:"true" negatable:"" env:"ANPR_FSYNC"`
	LogDays        float64  `help:"Days that the embedded broker's log is kept; 0 = for ever. What the pipeline still needs is kept whatever the limits." default:"7" env:"ANPR_LOG_DAYS"`
	LogBytes       int64    `help:"Bytes that the embedded broker's log may take; 0 = any. Then the oldest records go." default:"2000000000" env:"ANPR_LOG_BYTES"`
	LogBatches     int64    `help:"Record batches that the log may hold; 0 = any. Each takes 72 bytes of memory; at a small site it is one read." default:"2500000" env:"ANPR_LOG_BATCHES"`
	Cache          string   `help:"Directory the engine is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// PortBase is the first port of a machine, or 0.
type PortBase uint16

// portsInRow is the number of ports, counted from the first port.
const portsInRow = 7

// UnmarshalText reads a number from 1 to the last that leaves room for all ports; 0 = none.
func (p *PortBase) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if last := 1<<16 - portsInRow; err != nil || n < 0 || n > last {
		return fmt.Errorf("%.40q: want a port from 1 to %d; it and the %d after it are taken", text, last, portsInRow-1)
	}
	*p = PortBase(n)
	return nil
}

// PathUnder returns path, or name below dir when path is empty.
func PathUnder(path, dir, name string) string {
	if path != "" {
		return path
	}
	return filepath.Join(dir, name)
}

// IndexDir is the directory of compiled reference data; empty = none. Services of the same user share the
// directory, and so the memory.
func (f *ReferenceFlags) IndexDir() string {
	switch f.Index {
	case "":
	case "off":
		return ""
	default:
		return f.Index
	}
	cache := os.Getenv("CACHE_DIRECTORY") // set by systemd
	if cache == "" {
		var err error
		if cache, err = os.UserCacheDir(); err != nil {
			return "" // no home directory: parse at every start
		}
		cache = filepath.Join(cache, "anpr")
	}
	return filepath.Join(cache, "reference-index")
}

// Config returns the places of the reference data.
func (f *ReferenceFlags) Config() roles.ReferenceConfig {
	return roles.ReferenceConfig{Dir: f.Reference, IndexDir: f.IndexDir(), AllowShrink: f.AllowShrink}
}

// MachineFlags configure a [roles.Machine].
type MachineFlags struct {
	EngineFlags
	KafkaFlags
	ClickHouseFlags
	PostgresFlags
	ReferenceFlags
	PipelineFlags
	GatewayFlags
	ImageFlags
	OfficeFlags
	OpsFlags
	WatchFlags
	NoSample   bool   `hidden:"" help:"Has no effect since up writes no made-up city; units of earlier versions set it." env:"ANPR_NO_SAMPLE"`
	SampleSeed uint64 `hidden:"" help:"Has no effect since up writes no made-up city." env:"ANPR_SAMPLE_SEED"`
}

// Config returns the configuration of the machine. A named reference directory that is empty or missing is an error.
func (f *MachineFlags) Config(log zerolog.Logger, progress io.Writer) (roles.MachineConfig, error) {
	if err := roles.CheckNamedReference(f.Reference); err != nil {
		return roles.MachineConfig{}, err
	}
	f.Reference = PathUnder(f.Reference, f.Data, "reference")
	f.Index = PathUnder(f.Index, f.Data, "reference-index")
	f.Images = PathUnder(f.Images, f.Data, "images")
	f.Receipts = PathUnder(f.Receipts, f.Data, "receipts")
	f.LookUpKeys = PathUnder(f.LookUpKeys, f.Data, LookUpKeys)
	f.Users = PathUnder(f.Users, f.Reference, "users.yaml")
	f.FillPorts()
	engines, err := f.Engines(&f.KafkaFlags, &f.ClickHouseFlags, log, progress)
	if err != nil {
		return roles.MachineConfig{}, err
	}
	pictures, err := f.ImageStore()
	if err != nil {
		return roles.MachineConfig{}, err
	}
	gateway, office := f.Gateway(f.Reference), f.Office(f.Reference)
	gateway.Images, office.Images = pictures, pictures
	if office.Postgres, err = f.PostgresDatabase(); err != nil {
		return roles.MachineConfig{}, err
	}
	if !office.Postgres.IsZero() {
		engines.PostgresAddr = "" // the office uses another
	}
	return roles.MachineConfig{
		Engines: engines, Limits: f.logLimits(), Reference: f.ReferenceFlags.Config(),
		Ingest: f.Ingest(&f.ReferenceFlags, f.InsertTimeout), Gateway: gateway, Office: office,
		Reconcile:   roles.ReconcileConfig{Every: f.WatchEvery, SealsEvery: f.SealsEvery},
		GatewayAddr: f.GatewayAddr, OfficeAddr: f.OfficeAddr, OpsAddr: f.OpsAddr, OpsAccess: f.Access(), Log: log,
	}, nil
}

// Engines returns the configuration of the broker and the databases on the data directory. Without an address no
// PostgreSQL starts.
func (f *EngineFlags) Engines(k *KafkaFlags, c *ClickHouseFlags, log zerolog.Logger, progress io.Writer) (roles.EnginesConfig, error) {
	compression, err := platform.ParseCompression(c.InsertCompression)
	return roles.EnginesConfig{
		Data: f.Data, KafkaAddr: k.KafkaAddr, ClickHouseAddr: c.ClickhouseAddr, ClickHouseHTTP: f.ClickhouseHTTP, PostgresAddr: f.PostgresAddr, Database: c.ClickhouseDatabase,
		Partitions: k.Partitions, Backups: PathUnder(f.Backups, f.Data, "backups"), Cache: f.Cache, MaxMemory: f.MaxMemory, Fsync: f.Fsync,
		Compression: compression, Progress: progress, Log: log,
	}, err
}

// logLimits returns the limits of the embedded log.
func (f *EngineFlags) logLimits() embedded.Limits {
	return embedded.Limits{Age: time.Duration(f.LogDays * 24 * float64(time.Hour)), Bytes: f.LogBytes, Batches: f.LogBatches}
}

// Ingest returns the configuration of a worker, without connections.
func (f *PipelineFlags) Ingest(reference *ReferenceFlags, insertTimeout time.Duration) roles.IngestConfig {
	return roles.IngestConfig{
		InsertTimeout: insertTimeout, Group: f.Group, Catalogue: reference.Catalogue, Signers: reference.Signers, Linger: f.Linger, LingerFew: f.LingerFew, BatchRows: f.BatchRows,
		PartitionRate: int(f.PartitionRate), ProfileWaits: f.ProfileWaits, MaxMessage: f.MaxMessage,
	}
}

// Gateway returns the configuration of a gateway with a reference directory, without connections.
func (f *GatewayFlags) Gateway(reference string) roles.GatewayConfig {
	return roles.GatewayConfig{
		DigestSecrets: PathUnder(f.DigestSecrets, reference, filepath.Join("secrets", "camera-digest.csv")), TrustedProxy: f.TrustedProxy, SubjectHeader: f.SubjectHeader,
		KeepUnread: f.KeepUnread, Receipts: f.Receipts,
	}
}

// Office returns the configuration of an office with a reference directory, without connections.
func (f *OfficeFlags) Office(reference string) roles.OfficeConfig {
	return roles.OfficeConfig{
		Addr: f.OfficeAddr, Users: f.Users, Reference: reference, PseudonymKey: PathUnder(f.PseudonymKey, reference, filepath.Join("secrets", "pseudonyms.key")),
		SignIn:     f.SignIn(),
		LookUpKeys: f.LookUpKeys, Handover: f.HandoverDir, Chromium: f.Chromium, TimeStamps: f.TimeStamps,
	}
}

// WatchFlags configure continuous reconciliation.
type WatchFlags struct {
	WatchEvery time.Duration `help:"How often the accounts are balanced; 0 = not at all. One pass reads the log of its minutes once and looks through two columns of the tables' month, with one thread." default:"1m" env:"ANPR_WATCH_EVERY"`
	SealsEvery time.Duration `help:"How often all seals of offences are walked; 0 = not at all. One pass reads the table and the topic of offences once, with one thread." default:"1h" env:"ANPR_SEALS_EVERY"`
}
