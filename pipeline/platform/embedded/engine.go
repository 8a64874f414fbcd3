package embedded

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

// Options of cmd/anpr, for the errors here.
const (
	FlagDataDir   = "--data"
	FlagKafka     = "--kafka-addr"
	FlagBackups   = "--backups"
	FlagNative    = "--clickhouse-addr"
	FlagHTTP      = "--clickhouse-http-addr"
	FlagMaxMemory = "--clickhouse-memory"
	envCache      = "ANPR_CACHE"
)

// lockFD is the file descriptor under which the child holds the lock of the data directory.
const lockFD = 3

// ClickHouseConfig describes the engine. A zero field means the stated default; DataDir is required.
type ClickHouseConfig struct {
	DataDir    string       // created when missing
	BackupDir  string       // of the disk "backups", for BACKUP ... TO Disk; DataDir/backups
	CacheDir   string       // holds the downloaded engine; DefaultCacheDir
	NativeAddr string       // default 127.0.0.1:9000; port 0 chooses a free port
	HTTPAddr   string       // "": no HTTP port; the host must equal NativeAddr's
	Users      []EngineUser // accounts, at least one; the first asks whether the engine answers
	Reach      []uint16     // TCP ports for outgoing connections, for tables with the table engine Kafka; default none
	Binary     string       // of ClickHouse; "" looks on PATH, "-" uses the downloaded engine always
	MaxMemory  int64        // bytes the engine may use; 40 % of the machine's
	// Threads is the number of threads for a query; default the number of CPUs, at most 4. Merges get half, so
	// that inserts keep a core
	Threads int
	Fsync   bool // every insert reaches the disk before the acknowledgement; else the page cache
	// LogLevel is the level of the engine's own log; default fatal. From error downwards the log may quote
	// queries, and so plates
	LogLevel     string
	StartTimeout time.Duration  // until the engine answers, downloading not counted; 90 s
	Logger       zerolog.Logger // the zero value discards
	Progress     io.Writer      // shows the progress of the download; nil discards

	library  string        // in tests, instead of the downloaded library
	patience time.Duration // longest wait for a predecessor that still holds the directory; default 10 s
}

func (c *ClickHouseConfig) setDefaults() error {
	err := setProcessDefaults("ClickHouse", &c.DataDir, &c.patience, &c.StartTimeout, &c.Progress)
	if err != nil {
		return err
	}
	c.NativeAddr = cmp.Or(c.NativeAddr, "127.0.0.1:9000")
	c.LogLevel = cmp.Or(c.LogLevel, "fatal")
	c.BackupDir = cmp.Or(c.BackupDir, filepath.Join(c.DataDir, "backups"))
	if c.BackupDir, err = filepath.Abs(c.BackupDir); err != nil {
		return fmt.Errorf("backup directory %s: %w", c.BackupDir, err)
	}
	if c.MaxMemory == 0 {
		total, err := memoryTotal()
		if err != nil {
			return fmt.Errorf("size ClickHouse's memory: %w; set it with %s", err, FlagMaxMemory)
		}
		c.MaxMemory = total / 5 * 2
	}
	if c.Threads <= 0 {
		c.Threads = min(runtime.NumCPU(), 4)
	}
	return nil
}

// ClickHouseEngine is a running engine. All methods are safe for concurrent use.
type ClickHouseEngine struct {
	native, http string
	version      string
	kind         string
	*engineProcess
}

// StartClickHouse starts the engine and returns when the engine answers a query over the native protocol. The engine is
// the clickhouse binary on PATH, else the library, downloaded with npm at the first start. Any end of this process ends
// the engine, and the next start finds the data again. ctx bounds the start only.
func StartClickHouse(ctx context.Context, cfg ClickHouseConfig) (*ClickHouseEngine, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	if err := checkChild("ClickHouse"); err != nil {
		return nil, err
	}
	if err := makePrivateDir(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	if err := makeDir(cfg.BackupDir, FlagBackups); err != nil {
		return nil, fmt.Errorf("ClickHouse backups: %w", err)
	}
	// A killed predecessor may need a moment to let go of the directory.
	lock, err := lockDir(ctx, cfg.DataDir, lockFile, cfg.patience)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("ClickHouse: another engine runs on %s; stop it, or choose another directory with %s: %w", cfg.DataDir, FlagDataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	defer func() { _ = lock.Close() }() // the child keeps the lock
	argv, kind, err := engineCommand(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	sc, err := claimPorts(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	conf, err := writeConfig(sc, cfg.Users)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: write configuration: %w", err)
	}
	c := &ClickHouseEngine{
		native: net.JoinHostPort(sc.Host, strconv.Itoa(sc.NativePort)),
		kind:   kind, engineProcess: newEngineProcess("ClickHouse", filepath.Join(cfg.DataDir, logFile), adviseOnLog, cfg.Logger),
	}
	if sc.HTTPPort != 0 {
		c.http = net.JoinHostPort(sc.Host, strconv.Itoa(sc.HTTPPort))
	}
	if kind == modeLibrary {
		may, err := json.Marshal(confinementOf(argv[2], sc))
		if err != nil {
			return nil, fmt.Errorf("ClickHouse: %w", err)
		}
		argv = append(argv, string(may))
		warnUnconfined(cfg.Logger)
	}
	if err := c.startChild(append(argv, engineArgs(kind, conf, sc)...), lock); err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx, &cfg); err != nil {
		return nil, c.stopFailedStart(ctx, err)
	}
	cfg.Logger.Info().Str("version", c.version).Str("engine", kind).Str("native", c.native).Str("http", c.http).
		Int("pid", c.PID()).Msg("ClickHouse answers")
	return c, nil
}

// warnUnconfined logs a warning when the kernel does not confine the engine. Only passwords and grants then protect
// other files and machines.
func warnUnconfined(log zerolog.Logger) {
	files, network := confinementSupport()
	switch {
	case !files:
		log.Warn().Msg("this kernel cannot confine the ClickHouse engine (Landlock, Linux 5.19): whoever has one of its passwords can read every file that this user can")
	case !network:
		log.Warn().Msg("this kernel cannot keep the ClickHouse engine from the network (Landlock, Linux 6.7): whoever has one of its passwords can have it call other machines")
	}
}

// engineCommand chooses the engine: the arguments of our own binary, followed by the engine's own.
func engineCommand(ctx context.Context, cfg *ClickHouseConfig) (argv []string, kind string, err error) {
	binary := cfg.Binary
	if binary == "" {
		if found, err := exec.LookPath("clickhouse"); err == nil {
			binary = found
		}
	}
	if binary != "" && binary != "-" {
		return []string{engineArg, modeServer, binary}, modeServer, nil
	}
	lib := cfg.library
	if lib == "" {
		if lib, err = EnsureEngine(ctx, cfg.CacheDir, cfg.Progress); err != nil {
			return nil, "", fmt.Errorf("ClickHouse engine: %w", err)
		}
	}
	return []string{engineArg, modeLibrary, lib}, modeLibrary, nil
}

// stdinTable is the library's table over standard input, which ends with this process.
const stdinTable = "engine_stdin"

// engineArgs returns the arguments for the engine. The library has no server command, so clickhouse-local gets a query
// that opens the listeners and then reads standard input, which ends with this process.
func engineArgs(kind, conf string, sc *serverConfig) []string {
	if kind == modeServer {
		return []string{"server", "--config-file=" + conf}
	}
	listen := "SYSTEM START LISTEN TCP; "
	if sc.HTTPPort != 0 {
		listen += "SYSTEM START LISTEN HTTP; "
	}
	return []string{
		"--config-file=" + conf,
		"--path=" + filepath.Join(sc.DataDir, storeDir),
		"--listen_host=" + sc.Host,
		"--tcp_port=" + strconv.Itoa(sc.NativePort),
		// the engine ignores logger.level in the file, and would use trace
		"--log-level=" + sc.LogLevel,
		"--interactive", "--progress=off", "--history_file=/dev/null", // see stdinAsTerminal
		"--structure=line String", "--input-format=LineAsString", "--table=" + stdinTable, // standard input as a table
		"--query", listen + "SELECT * FROM " + stdinTable + " FORMAT Null",
	}
}

func claimPorts(ctx context.Context, cfg *ClickHouseConfig) (*serverConfig, error) {
	host, native, err := claimPort(ctx, cfg.NativeAddr, "ClickHouse native protocol", FlagNative)
	if err != nil {
		return nil, err
	}
	httpPort := 0
	if cfg.HTTPAddr != "" {
		var httpHost string
		if httpHost, httpPort, err = claimPort(ctx, cfg.HTTPAddr, "ClickHouse HTTP", FlagHTTP); err != nil {
			return nil, err
		}
		if host != httpHost {
			return nil, fmt.Errorf("ClickHouse listens on one host: %s says %s and %s says %s; give both the same", FlagNative, host, FlagHTTP, httpHost)
		}
	}
	if len(cfg.Users) == 0 {
		return nil, errors.New("ClickHouse: no users: nobody could log in")
	}
	open := slices.ContainsFunc(cfg.Users, func(u EngineUser) bool { return u.Name == localUser })
	if ip := net.ParseIP(host); open && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("ClickHouse would listen on %s (%s) without a password; name other users, or listen on 127.0.0.1", host, FlagNative)
	}
	return &serverConfig{
		DataDir: cfg.DataDir, BackupDir: cfg.BackupDir, Host: host, NativePort: native, HTTPPort: httpPort, MaxMemory: cfg.MaxMemory,
		Threads: cfg.Threads, MergeThreads: max(1, cfg.Threads/2), Fsync: cfg.Fsync, LogLevel: cfg.LogLevel, Reach: cfg.Reach,
	}, nil
}

// NativeAddr returns host:port of the native protocol, for clickhouse-go.
func (c *ClickHouseEngine) NativeAddr() string { return c.native }

// HTTPAddr returns host:port of the HTTP interface; "" without an HTTP port.
func (c *ClickHouseEngine) HTTPAddr() string { return c.http }

// Version returns the answer to SELECT version(). Example: 26.7.2.1
func (c *ClickHouseEngine) Version() string { return c.version }

// Kind names the running engine: "library" or "server".
func (c *ClickHouseEngine) Kind() string { return c.kind }
