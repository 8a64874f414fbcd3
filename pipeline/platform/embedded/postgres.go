package embedded

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"
)

// FlagPostgres is the option of cmd/anpr for PostgreSQL's address.
const FlagPostgres = "--postgres-addr"

// PostgresDatabase is the name of the database of the embedded PostgreSQL.
const PostgresDatabase = "anpr"

// PostgresConfig describes the server. A zero field means the stated default; DataDir is required.
type PostgresConfig struct {
	DataDir   string            // created when missing
	CacheDir  string            // holds the downloaded engine; DefaultCacheDir
	Addr      string            // default 127.0.0.1:5433; port 0 = any free port. Loopback only: nothing is encrypted
	Database  string            // made when missing, owned by PostgresMigrator; default anpr
	Passwords PostgresPasswords // for all accounts; replace the earlier passwords
	// directory of postgres and initdb; "" looks on PATH, "-" uses the downloaded engine always
	Binary       string
	Fsync        bool           // a commit is on the disk; else in the page cache, and a power cut loses the commit
	Connections  int            // at once; 100
	StartTimeout time.Duration  // until the server answers, downloading not counted; 90 s
	Logger       zerolog.Logger // the zero value discards
	Progress     io.Writer      // shows the progress of the download; nil discards

	patience time.Duration // longest wait for a predecessor that still holds the directory; default 10 s
}

func (c *PostgresConfig) setDefaults() error {
	if err := setProcessDefaults("PostgreSQL", &c.DataDir, &c.patience, &c.StartTimeout, &c.Progress); err != nil {
		return err
	}
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:5433")
	c.Database = cmp.Or(c.Database, PostgresDatabase)
	if !databaseName.MatchString(c.Database) {
		return fmt.Errorf("database %q: want a letter followed by at most 62 letters, digits or _", c.Database)
	}
	if c.Connections <= 0 {
		c.Connections = 100
	}
	return nil
}

// PostgresEngine is a running server. All methods are safe for concurrent use.
type PostgresEngine struct {
	addr     string
	database string
	version  string
	kind     string
	password string // for accountsAccount
	*engineProcess
}

// StartPostgres starts PostgreSQL and returns when the server answers and has accounts and database. The server is the
// postgres binary on PATH when the version is right, else the binary downloaded with npm at the first start. Any end of
// this process ends the server, and the next start finds the data again. Started by root, the server runs under a user
// id without an account. ctx bounds the start only.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*PostgresEngine, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	if err := errors.Join(checkChild("PostgreSQL"), cfg.Passwords.check(), checkLoopback(cfg.Addr)); err != nil {
		return nil, err
	}
	if err := makePrivateDir(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	lock, err := lockPostgres(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // the child keeps the lock
	bin, kind, err := findPostgres(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	cl := postgresCluster{cfg: &cfg, bin: bin, lock: lock, dir: filepath.Join(cfg.DataDir, clusterDir)}
	if err := cl.prepare(ctx); err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", adviseDir(err, cfg.DataDir))
	}
	host, port, err := claimPort(ctx, cfg.Addr, "PostgreSQL", FlagPostgres)
	if err != nil {
		return nil, err
	}
	if err := cl.writeFiles(host, port); err != nil {
		return nil, fmt.Errorf("PostgreSQL: write configuration: %w", adviseDir(err, cfg.DataDir))
	}
	p := &PostgresEngine{
		addr: net.JoinHostPort(host, strconv.Itoa(port)), database: cfg.Database, kind: kind, password: cl.password,
		engineProcess: newEngineProcess("PostgreSQL", filepath.Join(cfg.DataDir, logFile), adviseOnPostgresLog, cfg.Logger),
	}
	child, err := json.Marshal(postgresChild{Bin: bin, Dir: cl.dir, UserID: cl.uid})
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := p.startChild([]string{engineArg, modePostgres, string(child)}, lock); err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, &cfg); err != nil {
		return nil, p.stopFailedStart(ctx, err)
	}
	cfg.Logger.Info().Str("version", p.version).Str("engine", kind).Str("addr", p.addr).Int("pid", p.PID()).Msg("PostgreSQL answers")
	return p, nil
}

// checkLoopback refuses an address that other machines reach, because the connections are not encrypted.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil //nolint:nilerr // claimPort says what is wrong with the address
	}
	if ip := net.ParseIP(host); host == "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("PostgreSQL would listen on %s (%s), and the embedded one encrypts nothing; listen on 127.0.0.1, or name a server of its own with --postgres", host, FlagPostgres)
}

// awaitReady connects until the server answers, then sees to accounts and database.
func (p *PostgresEngine) awaitReady(ctx context.Context, cfg *PostgresConfig) error {
	return p.awaitAnswer(ctx, p.addr, cfg.StartTimeout, func(ctx context.Context) error {
		conn, err := p.connect(ctx, "postgres")
		if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == "28P01" {
			return &finalError{fmt.Errorf("the password in %s is not the one of this data directory: bring the file back from the backup that the directory is from: %w",
				filepath.Join(cfg.DataDir, passwordFile), err)}
		}
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&p.version); err != nil {
			return err
		}
		if err := ensureAccounts(ctx, conn, cfg.Passwords, cfg.Database); err != nil {
			return &finalError{err}
		}
		return nil
	})
}

// connect logs in to a database under the account that makes accounts.
func (p *PostgresEngine) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.User, c.Password, c.Database = host, uint16(n), accountsAccount, p.password, database
	c.ConnectTimeout, c.Fallbacks = 2*time.Second, nil
	return pgx.ConnectConfig(ctx, c)
}

// Addr returns host:port.
func (p *PostgresEngine) Addr() string { return p.addr }

// Database returns the name of the database.
func (p *PostgresEngine) Database() string { return p.database }

// Version returns the server's version. Example: 18.4
func (p *PostgresEngine) Version() string { return p.version }

// Kind names the running server: "embedded" (downloaded) or "system" (from PATH).
func (p *PostgresEngine) Kind() string { return p.kind }

// CreateDatabase makes a database for the accounts of the server: a copy of template, or empty when template is "".
func (p *PostgresEngine) CreateDatabase(ctx context.Context, name, template string) error {
	return p.withAccounts(ctx, func(conn *pgx.Conn) error { return createDatabase(ctx, conn, name, template) })
}

// DropDatabase removes a database and ends its connections. Dropping a missing database is no error.
func (p *PostgresEngine) DropDatabase(ctx context.Context, name string) error {
	return p.withAccounts(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteName(name)+" WITH (FORCE)")
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == privilegeDenied { // autovacuum is at work there, and leaves when it is asked
			_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteName(name))
		}
		return err
	})
}

// privilegeDenied is SQLSTATE insufficient_privilege.
const privilegeDenied = "42501"

func (p *PostgresEngine) withAccounts(ctx context.Context, do func(*pgx.Conn) error) (err error) {
	conn, err := p.connect(ctx, "postgres")
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return do(conn)
}

// adviseOnPostgresLog finds the cure for the errors in the server's log.
func adviseOnPostgresLog(log string) string {
	return findAdvice(log, []advice{
		{"No space left on device", "the disk is full: free space, or choose another disk with " + FlagDataDir},
		{"Disk quota exceeded", "the disk is full: free space, or choose another disk with " + FlagDataDir},
		{"Read-only file system", "the data directory is read-only: choose another with " + FlagDataDir},
		{"Address already in use", "the port is taken: choose another with " + FlagPostgres},
		{"could not bind", "the port is taken: choose another with " + FlagPostgres},
		{"is another postmaster", "another server uses the data directory: stop it, or choose another with " + FlagDataDir},
		{"pre-existing shared memory block", "another server uses the data directory: stop it, or choose another with " + FlagDataDir},
		{"has wrong ownership", "the data directory belongs to another user: start as its owner, or choose another with " + FlagDataDir},
		{"Permission denied", "a file cannot be opened: fix the permissions of the data directory, or choose another with " + FlagDataDir},
		{"incompatible with server", "the data directory is of another version of PostgreSQL: start the version that made it, or choose another with " + FlagDataDir},
		{"Cannot allocate memory", "the machine has too little memory free for PostgreSQL"},
		{"GLIBC", "the C library of this system is too old for the engine: put postgres and initdb on PATH"},
		{"error while loading shared libraries", "the engine is damaged, or of another architecture: delete the cache folder (" + envCache + ") to fetch it again"},
	})
}
