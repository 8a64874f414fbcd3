package flags

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// SidesFlags name the log and the tables of a pipeline.
type SidesFlags struct {
	DataFlags
	BrokerFlags
	ClickHouseFlags
	Group string `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
}

// FindSides fills in missing settings from a running `anpr up` on the data directory, if any. The role selects the
// ClickHouse account.
func (f *SidesFlags) FindSides(role embedded.DatabaseRole) (*Local, error) {
	run, err := f.FindRunning()
	if err == nil {
		run.FillBroker(&f.BrokerFlags)
		run.FillTables(&f.ClickHouseFlags, role)
	}
	return run, err
}

// SourcesFlags name log, tables and receipts, for reconciliation.
type SourcesFlags struct {
	SidesFlags
	Receipts []string `help:"Where the gateways keep their receipts: directories, or addresses of their ops ports as http://gateway-1:6060; all of them, comma-separated. Default: the receipts of anpr up in anpr-data, when they are there." env:"ANPR_RECEIPTS"`
}

// Sources returns addresses and accounts of log, tables and receipts, for a role.
func (f *SourcesFlags) Sources(role embedded.DatabaseRole) (roles.SourcesConfig, error) {
	run, err := f.FindSides(role)
	if err != nil {
		return roles.SourcesConfig{}, err
	}
	if len(f.Receipts) == 0 && run != nil && run.Receipts != "" {
		f.Receipts = []string{run.Receipts}
	}
	if local := filepath.Join("anpr-data", "receipts"); len(f.Receipts) == 0 && IsDir(local) {
		f.Receipts = []string{local}
	}
	tables, err := f.ClickHouse()
	return roles.SourcesConfig{Kafka: f.Kafka(), Tables: tables, Group: f.Group, Receipts: f.Receipts}, err
}

// OpenSources opens log, tables and receipts, as a role. The caller closes the sources.
func (f *SourcesFlags) OpenSources(role embedded.DatabaseRole) (*reconcile.Sources, error) {
	c, err := f.Sources(role)
	if err != nil {
		return nil, err
	}
	return roles.OpenSources(c)
}

// OpenWithCases opens log, tables and receipts as a role, and the cases where a PostgreSQL is named or runs here.
func (f *SourcesFlags) OpenWithCases(p *PostgresFlags, role embedded.DatabaseRole) (*reconcile.Sources, error) {
	cfg, err := f.Sources(role)
	if err != nil {
		return nil, err
	}
	run, err := f.FindRunning()
	if err != nil {
		return nil, err
	}
	if run != nil && run.RunFile.Postgres != "" {
		run.FillPostgres(p, embedded.PostgresBackup)
	}
	if cfg.Postgres, err = p.PostgresDatabase(); err != nil {
		return nil, err
	}
	return roles.OpenSources(cfg)
}

// OpenSides opens log and tables as a role, and keeps the found addresses and accounts. The caller closes the sources.
func (f *SidesFlags) OpenSides(role embedded.DatabaseRole) (*reconcile.Sources, error) {
	books := SourcesFlags{SidesFlags: *f}
	b, err := books.OpenSources(role)
	*f = books.SidesFlags
	return b, err
}

// PrintResult prints a result for people or machines.
func PrintResult[T interface{ Print(w io.Writer) error }](w io.Writer, r T, asJSON bool) error {
	if !asJSON {
		return r.Print(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// SealsFlags name the account that walks the seals where roles are separate processes. The account for seals reads
// offences whole; the account for the balance reads no plate.
type SealsFlags struct {
	SealsUser         string `help:"ClickHouse user of the walk over the seals, which reads offences whole; the others of this command do not. Default: the one for it of the anpr up on --data, else that of --clickhouse-user." env:"ANPR_SEALS_USER"`
	SealsPassword     string `hidden:"" help:"Its password; better in the environment or a file." env:"ANPR_SEALS_PASSWORD"`
	SealsPasswordFile string `help:"File with its password." type:"path" env:"ANPR_SEALS_PASSWORD_FILE"`
}

// SealsAccount returns address and account for the walk over the seals.
func (f *SealsFlags) SealsAccount(at DataFlags, c ClickHouseFlags) (platform.ClickHouse, error) {
	if f.SealsUser != "" {
		c.ClickhouseUser, c.ClickhousePassword, c.PasswordFile = f.SealsUser, f.SealsPassword, f.SealsPasswordFile
		return c.ClickHouse()
	}
	run, err := at.FindRunning()
	if err != nil {
		return platform.ClickHouse{}, err
	}
	run.FillTables(&c, embedded.Seals)
	return c.ClickHouse()
}

// IsDir reports whether a path is a directory.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
