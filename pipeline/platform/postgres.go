package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres holds the address of a PostgreSQL and an account. Every fmt verb prints a Postgres without the password.
type Postgres struct {
	URL string // postgres://user@host:port/database?parameters, without a password

	password string
}

// ParsePostgres reads a URL, postgres://user@host:port/database. Several hosts, separated by commas, are a primary and
// standbys; connections go to the host that takes writes. The password argument wins over a password in the URL. A
// connection to another machine is encrypted, and the server's certificate and name are verified, unless the URL names
// another sslmode.
func ParsePostgres(raw, password string) (Postgres, error) {
	const want = "want postgres://USER@HOST:PORT/DATABASE, for example postgres://anpr_office@127.0.0.1:5433/anpr"
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme != "postgres" && scheme != "postgresql" {
		return Postgres{}, errors.New("the PostgreSQL address is no URL: " + want)
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	// Several hosts with ports are no URL to net/url, so the password is cut out by hand.
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		name, own, has := strings.Cut(authority[:i], ":")
		authority = name + authority[i:]
		if has && password == "" {
			var err error
			if password, err = url.PathUnescape(own); err != nil {
				return Postgres{}, errors.New("the password in the PostgreSQL address has a % that begins no code: write it as %25")
			}
		}
	}
	p := Postgres{URL: "postgres://" + authority + tail, password: password}
	cfg, err := pgx.ParseConfig(p.URL)
	if err != nil {
		return Postgres{}, fmt.Errorf("the PostgreSQL address %s: %w; %s", p.URL, err, want)
	}
	if cfg.Database == "" || cfg.User == "" || strings.Contains(tail, "password=") {
		return Postgres{}, fmt.Errorf("the PostgreSQL address names no user or no database, or a password among its parameters; %s", want)
	}
	if !strings.Contains(tail, "sslmode=") {
		p.setParameter("sslmode", map[bool]string{true: "disable", false: "verify-full"}[staysHere(&cfg.Config)])
	}
	if len(cfg.Fallbacks) > 0 && !strings.Contains(tail, "target_session_attrs=") && strings.Contains(authority, ",") {
		p.setParameter("target_session_attrs", "read-write")
	}
	_, err = pgx.ParseConfig(p.URL)
	return p, err
}

func (p *Postgres) setParameter(name, value string) {
	sep := "?"
	if strings.Contains(p.URL, "?") {
		sep = "&"
	}
	p.URL += sep + name + "=" + value
}

// staysHere reports whether every host is the local machine.
func staysHere(c *pgconn.Config) bool {
	hosts := []string{c.Host}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, h := range hosts {
		ip := net.ParseIP(h)
		if !strings.HasPrefix(h, "/") && h != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// NewPostgres returns the address of a local database.
func NewPostgres(addr, database, user, password string) Postgres {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return Postgres{URL: u.String(), password: password}
}

// As returns the same database for another account.
func (p Postgres) As(user, password string) Postgres {
	scheme, rest, _ := strings.Cut(p.URL, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if i := strings.LastIndexByte(rest[:end], '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return Postgres{URL: scheme + "://" + url.User(user).String() + "@" + rest, password: password}
}

// IsZero reports whether no database is named.
func (p Postgres) IsZero() bool { return p.URL == "" }

// String returns the address without the password.
func (p Postgres) String() string { return p.URL }

// Format prints the address without the password.
func (p Postgres) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.URL) }

// config returns the address in pgx's form. name tells the server's administrator the purpose of the connection.
func (p Postgres) config(name string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(p.URL)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if p.password != "" {
		c.ConnConfig.Password = p.password
	}
	c.ConnConfig.ConnectTimeout = 5 * time.Second
	c.ConnConfig.RuntimeParams["application_name"] = "anpr-" + name
	c.ConnConfig.RuntimeParams["timezone"] = "UTC"
	return c, nil
}

// Open makes a pool of at most so many connections. The first query connects, not Open, so an absent server stops
// no start. pg_stat_activity shows name as anpr-NAME. The caller closes the pool.
func (p Postgres) Open(ctx context.Context, name string, most int32) (*pgxpool.Pool, error) {
	c, err := p.config(name)
	if err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns = most, 0
	c.MaxConnLifetime, c.MaxConnIdleTime, c.HealthCheckPeriod = 30*time.Minute, 5*time.Minute, 30*time.Second
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}

// Explain adds the cure to an error of PostgreSQL. An error of another kind comes back unchanged.
func (p Postgres) Explain(err error) error {
	if err == nil {
		return nil
	}
	where := p.where()
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if cure := postgresCures[pg.Code]; cure != "" {
			return fmt.Errorf("PostgreSQL at %s: %w; %s", where, err, cure)
		}
		return err
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: %w; start PostgreSQL there (`anpr up` brings its own), or name another with --postgres", where, err)
	case pgconn.Timeout(err):
		return fmt.Errorf("PostgreSQL at %s does not answer: %w; look at the network and at the server's load", where, err)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("cannot connect to PostgreSQL at %s: %w; check the address (--postgres), and for another machine its certificate (sslrootcert)", where, err)
	}
	return err
}

// where names the hosts and the database.
func (p Postgres) where() string {
	_, rest, _ := strings.Cut(p.URL, "://")
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return rest
}

// postgresCures holds the cure by SQLSTATE.
var postgresCures = map[string]string{
	"28P01": "the password is not the account's: give it in ANPR_POSTGRES_PASSWORD or --postgres-password-file",
	"28000": "the server lets this account in from nowhere here: mend its pg_hba.conf",
	"3D000": "make the database and its accounts: deploy/postgres/accounts.sql",
	"42704": "an account or a type is missing: run deploy/postgres/accounts.sql as the server's administrator, then anpr migrate",
	"42501": "the account may not do this: run anpr migrate as anpr_migrator, the owner of the database",
	"42P01": "a table is missing: run anpr migrate",
	"42883": "a function is missing: run anpr migrate; when a newer release has migrated, restart this process with that release",
	"42703": "a column is missing: run anpr migrate; when a newer release has migrated, restart this process with that release",
	"53100": "the disk of PostgreSQL is full: free space there, or move its directory to a larger disk; nothing that was committed is lost",
	"53200": "PostgreSQL has no memory left: lower shared_buffers or give the machine more",
	"53300": "too many connections: raise max_connections, or run fewer offices",
	"57P03": "the server is starting or recovering: wait",
	"25006": "the server is a standby and takes no writes: name the primary too, hosts separated by commas",
	"58030": "the server cannot read or write a file: look at its disk and at its log",
}
